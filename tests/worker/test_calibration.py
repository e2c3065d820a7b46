"""Calibration: who still has to answer, recordings taken in, and a whole calibration night."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine as Database

from db.budgets import read_budget
from db.calibrations import list_calibrated
from db.jobs import read_job
from db.progress import read_progress
from db.session import run_in_transaction, session_scope
from db.states import JobKind, JobState, RequeueReason
from router.units import Unit
from tests.worker.fake_night import FakeEngine, answer_with, drive, make_pool, make_settings, make_tasks
from worker.calibration import CalibrationPlan, calibration_meta, plan_calibration, submit_recorded
from worker.errors import RecordingError
from worker.pool import ServingPool, register_pool
from worker.recording import RecordedOutcome, Recording
from worker.submission import submit_calibration

DIGEST = "ab" * 32
TASKS = make_tasks(3)


def record(*answered: tuple[int, str]) -> Recording:
    """What these strategies did with these tasks."""
    outcomes = [
        RecordedOutcome(
            custom_id=f"task-{number}",
            strategy=strategy,
            answer="yes",
            texts=["yes"],
            finish_reasons=["stop"],
            prompt_tokens=5,
            output_tokens=2,
            cost=2,
            correct=1.0,
        )
        for number, strategy in answered
    ]
    hashes = {priced.strategy.name: priced.strategy.spec_hash for priced in make_pool().strategies}
    names = {strategy for _, strategy in answered}
    return Recording(
        tasks_sha256=DIGEST,
        unit=Unit.TOKENS,
        engines={"fake": {"kind": "fake"}},
        strategy_hashes={name: hashes[name] for name in names},
        outcomes=outcomes,
    )


def plan(database: Database, *, digest: str = DIGEST, recording: Recording | None = None) -> CalibrationPlan:
    with session_scope(database) as session:
        return plan_calibration(session, pool=make_pool(), tasks_sha256=digest, recording=recording)


def take_in(database: Database, pool: ServingPool, recording: Recording) -> int:
    return run_in_transaction(
        database,
        lambda session: submit_recorded(
            session,
            tasks=TASKS,
            tasks_sha256=DIGEST,
            pool=pool,
            strategy_ids=register_pool(session, tenant_id="default", pool=pool),
            recording=recording,
        ),
    )


def test_what_is_neither_known_nor_recorded_has_to_run(db_engine: Database) -> None:
    assert plan(db_engine) == CalibrationPlan(done=[], recorded=[], to_run=[0, 1])
    assert plan(db_engine, recording=record((0, "large"))) == CalibrationPlan(done=[], recorded=[1], to_run=[0])


def test_a_recording_of_another_version_of_a_strategy_is_left_unused(db_engine: Database) -> None:
    old = replace(record((0, "large")), strategy_hashes={"large": "0" * 64})
    assert plan(db_engine, recording=old).to_run == [0, 1]


def test_a_recording_of_another_file_is_refused(db_engine: Database) -> None:
    with pytest.raises(RecordingError, match="another version of the calibration file: make the recording anew"):
        plan(db_engine, digest="cd" * 32, recording=record((0, "large")))


def test_recorded_outcomes_are_a_completed_calibration_and_what_is_missing_is_not_eligible(db_engine: Database) -> None:
    recording = record((0, "large"), (2, "large"), (1, "small"))
    job_id = take_in(db_engine, make_pool().keep([1]), recording)
    with session_scope(db_engine) as session:
        job, progress = read_job(session, job_id=job_id), read_progress(session, job_id=job_id)
    assert (job.kind, job.state) == (JobKind.CALIBRATION, JobState.COMPLETED)
    assert (progress.outcomes, progress.correct) == (2, 2.0)
    assert progress.requeued == {RequeueReason.NOT_ELIGIBLE: 1}
    assert plan(db_engine) == CalibrationPlan(done=[1], recorded=[], to_run=[0])
    assert plan(db_engine, digest="cd" * 32).to_run == [0, 1]  # known on that file alone


def test_a_recording_that_answers_what_nobody_asked_is_refused_and_nothing_is_stored(db_engine: Database) -> None:
    with pytest.raises(RecordingError, match="answers task-9, which the calibration file does not ask"):
        take_in(db_engine, make_pool(), record((0, "large"), (9, "small")))
    assert plan(db_engine).to_run == [0, 1]


def test_every_strategy_answers_every_task_within_the_worst_case(db_engine: Database, tmp_path: Path) -> None:
    pool = make_pool()
    job_id = run_in_transaction(
        db_engine,
        lambda session: submit_calibration(
            session,
            tasks=TASKS,
            pool=pool,
            strategy_ids=register_pool(session, tenant_id="default", pool=pool),
            meta=calibration_meta(tasks_sha256=DIGEST, pool=pool),
        ),
    )
    engine = FakeEngine(answer_with("yes", tokens=3))
    assert plan(db_engine).done == []  # submitted is not done
    assert drive(db_engine, job_id, [engine], make_settings(tmp_path))
    assert Counter(engine.asked) == {task.custom_id: 2 for task in TASKS}
    with session_scope(db_engine) as session:
        job = read_job(session, job_id=job_id)
        books = read_budget(session, budget_id=job.budget_id)
        hashes = list_calibrated(session, tenant_id="default", tasks_sha256=DIGEST)
    assert (books.cap, books.spent, books.reserved) == (3 * (10 + 40), 18, 0)
    assert hashes == {priced.strategy.spec_hash for priced in pool.strategies}
    assert plan(db_engine) == CalibrationPlan(done=[0, 1], recorded=[], to_run=[])
