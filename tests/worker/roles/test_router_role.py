"""What the router role routes, and when."""

import asyncio
from pathlib import Path

from sqlalchemy import Engine as Database
from sqlalchemy import select, update

from db.open_work import list_routable_jobs
from db.session import session_scope
from db.shared_budgets import create_shared_budget
from db.tables import BudgetRow, JobRow
from db.unstarted import count_unstarted
from tests.waiting import wait_until
from tests.worker.fake_night import budget, make_settings, predict_flat, submit
from worker.roles.router_role import RouterRole

FLAT = {"small": (0.2, 5.0), "large": (0.9, 20.0)}


def make_role(database: Database, folder: Path, *, rings: list[str], **given: object) -> RouterRole:
    settings = make_settings(folder, **given)
    return RouterRole(database=database, settings=settings, is_draining=lambda: False, ring=rings.append)


def step(role: RouterRole) -> bool:
    return asyncio.run(role.step())


def count(database: Database, job_id: int) -> int:
    with session_scope(database) as session:
        return count_unstarted(session, job_id=job_id)


def share_a_budget(database: Database, *job_ids: int) -> None:
    """Make these jobs draw on one budget, which promises nothing."""
    with session_scope(database) as session:
        session.execute(update(BudgetRow).values(kept=0))
        # Opened once, and found from then on.
        create_shared_budget(session, tenant_id="default", name="all", unit="tokens", cap=10_000, period=None)
        shared = session.execute(select(BudgetRow.id).where(BudgetRow.shared)).scalar_one()
        session.execute(update(JobRow).where(JobRow.id.in_(job_ids)).values(budget_id=shared, promised=False))


def test_just_enough_is_routed_and_engines_are_rung(db_engine: Database, tmp_path: Path) -> None:
    job_id = submit(db_engine, predictions=predict_flat(100, **FLAT), objective=budget(5_000))
    rings: list[str] = []
    role = make_role(db_engine, tmp_path, rings=rings, window_tasks=10, batch_tasks=4)
    assert step(role)
    assert count(db_engine, job_id) == 20  # until 16 wait
    assert rings == ["engine.fake"]
    assert not step(role)  # nobody started any
    assert count(db_engine, job_id) == 20


def test_small_jobs_of_one_budget_wait_for_one_another_until_they_fill_a_window(
    db_engine: Database, tmp_path: Path
) -> None:
    first, second = (submit(db_engine, predictions=predict_flat(8, **FLAT), objective=budget(400)) for _ in range(2))
    share_a_budget(db_engine, first, second)
    patient = make_role(db_engine, tmp_path, rings=[], window_tasks=20, window_age_seconds=1e6)
    assert not step(patient)
    third = submit(db_engine, predictions=predict_flat(8, **FLAT), objective=budget(400))
    share_a_budget(db_engine, third)
    assert step(patient)
    assert [count(db_engine, job_id) for job_id in (first, second, third)] == [8, 8, 8]


def test_small_jobs_of_one_budget_do_not_wait_for_ever(db_engine: Database, tmp_path: Path) -> None:
    jobs = [submit(db_engine, predictions=predict_flat(8, **FLAT), objective=budget(400)) for _ in range(2)]
    share_a_budget(db_engine, *jobs)
    role = make_role(db_engine, tmp_path, rings=[], window_tasks=20, window_age_seconds=0.2)
    wait_until(lambda: step(role))
    assert [count(db_engine, job_id) for job_id in jobs] == [8, 8]


def test_a_job_with_a_budget_of_its_own_waits_for_nobody(db_engine: Database, tmp_path: Path) -> None:
    job_id = submit(db_engine, predictions=predict_flat(3, **FLAT), objective=budget(400))
    assert step(make_role(db_engine, tmp_path, rings=[], window_age_seconds=1e6))
    assert count(db_engine, job_id) == 3


def test_higher_priority_and_earlier_deadline_go_first_and_paused_jobs_not_at_all(
    db_engine: Database, tmp_path: Path
) -> None:
    jobs = [submit(db_engine, predictions=predict_flat(1, **FLAT), objective=budget(40)) for _ in range(5)]
    late, early = "2100-01-02T00:00Z", "2100-01-01T00:00Z"
    changes: list[dict[str, object]] = [{}, {"deadline": late}, {"deadline": early}, {"priority": 1}, {"paused": True}]
    with session_scope(db_engine) as session:
        for job_id, change in zip(jobs, changes, strict=True):
            if change:
                session.execute(update(JobRow).where(JobRow.id == job_id).values(change))
    with session_scope(db_engine) as session:
        order = [jobs.index(due.job.id) for due in list_routable_jobs(session)]
    assert order == [3, 2, 1, 0]
