"""Nights of two engines, of which one, or each, can answer nobody."""

from pathlib import Path

import pytest
from sqlalchemy import Engine as Database

from db.progress import read_progress
from db.session import session_scope
from router.generation import Completion, GenerationRequest
from tests.worker.fake_night import FakeEngine, answer_with, budget, drive, make_settings, predict_flat, submit
from tests.worker.test_strategy_health import make_two_engines, read_openings
from worker.engines.errors import EngineDied, EngineMisconfigured

FLAT = {"small": (0.2, 5.0), "large": (0.9, 20.0)}


def refuse(_: GenerationRequest) -> Completion:
    raise EngineMisconfigured("401: no such key")


def die(_: GenerationRequest) -> Completion:
    raise EngineDied("gone", charged=False)


def test_a_wrong_key_of_every_engine_ends_the_command(db_engine: Database, tmp_path: Path) -> None:
    pool = make_two_engines()
    job_id = submit(db_engine, predictions=predict_flat(40, **FLAT), objective=budget(1_000), pool=pool)
    with pytest.raises(EngineMisconfigured, match="no such key"):
        drive(db_engine, job_id, [FakeEngine(refuse), FakeEngine(refuse)], make_settings(tmp_path), pool=pool)
    with session_scope(db_engine) as session:
        progress = read_progress(session, job_id=job_id)
    assert (progress.spent, progress.outcomes) == (0, 0)


def test_an_engine_that_never_lives_leaves_its_tasks_to_others(db_engine: Database, tmp_path: Path) -> None:
    pool = make_two_engines()
    job_id = submit(db_engine, predictions=predict_flat(200, **FLAT), objective=budget(20_000), pool=pool)
    well, dead = FakeEngine(answer_with("yes", tokens=3)), [FakeEngine(die) for _ in range(4)]
    for engine in dead:
        engine.name = "second"
    settings = make_settings(tmp_path, group_tasks=10)
    assert drive(db_engine, job_id, [well, *dead], settings, pool=pool)
    with session_scope(db_engine) as session:
        assert read_progress(session, job_id=job_id).outcomes == 200
    (reason,) = read_openings(db_engine).values()
    assert "died 4 times" in reason
