"""How much a router routes at a time, and in what sizes."""

from pathlib import Path

import pytest
from sqlalchemy import Engine as Database

from db.jobs import read_job
from db.session import session_scope
from db.unstarted import count_unstarted
from tests.db.building import claim, reserve
from tests.worker.fake_night import budget, make_settings, predict_flat, submit
from worker.router_desk import RouterDesk

FLAT = {"small": (0.2, 5.0), "large": (0.9, 20.0)}


@pytest.mark.parametrize(("rate", "windows"), [(None, 5), (0.0, 2)])
def test_a_measured_rate_is_measured_again(
    db_engine: Database, tmp_path: Path, rate: float | None, windows: int
) -> None:
    job_id = submit(db_engine, predictions=predict_flat(10, **FLAT), objective=budget(1_000))
    with session_scope(db_engine) as session:
        job = read_job(session, job_id=job_id)

    def start_all() -> bool:
        """As engines do that take whatever is routed at once; nothing drains."""
        while True:
            with session_scope(db_engine) as session:
                if not count_unstarted(session, job_id=job_id):
                    return False
            group = claim(db_engine, job_id=job_id)
            reserve(db_engine, group, group.seqs, group.amounts)

    desk = RouterDesk(db_engine, settings=make_settings(tmp_path, window_tasks=2), owner="me", is_draining=start_all)
    assert desk.route_job(job, ahead=4, rate=rate) == windows


@pytest.mark.parametrize(("rate", "largest"), [(10.0, 5), (80.0, 8), (1e6, 10)])
def test_fast_engines_get_larger_groups_up_to_a_hundredth_of_the_job(
    db_engine: Database, tmp_path: Path, rate: float, largest: int
) -> None:
    job_id = submit(db_engine, predictions=predict_flat(1000, **FLAT), objective=budget(10_000))
    with session_scope(db_engine) as session:
        job = read_job(session, job_id=job_id)
    settings = make_settings(tmp_path, window_tasks=80, group_tasks=5)
    desk = RouterDesk(db_engine, settings=settings, owner="me", is_draining=lambda: False)
    assert desk.route_job(job, ahead=1, rate=rate) == 1
    assert len(claim(db_engine, job_id=job_id).seqs) == largest
