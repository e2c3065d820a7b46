"""What is kept of a job's spending, and read on from."""

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine as Database

from db.jobs import read_job
from db.progress import read_progress
from db.session import session_scope
from gateway.dashboard.spending_traces import SpendingTraces
from router.generation import Completion, GenerationRequest
from tests.worker.fake_night import FakeEngine, answer_with, budget, drive, make_settings, predict_flat, submit


def read(database: Database, job_id: int, traces: SpendingTraces) -> list[int]:
    with session_scope(database) as session:
        job = read_job(session, job_id=job_id)
        moments = traces.trace(session, job)
        progress = read_progress(session, job_id=job_id)
    if moments:
        assert (moments[-1].spent, moments[-1].reserved) == (progress.spent, progress.reserved)
    return [moment.spent for moment in moments]


def test_every_look_has_all_that_was_spent(db_engine: Database, tmp_path: Path) -> None:
    later = timedelta(0)
    traces = SpendingTraces(clock=lambda: datetime.now(UTC) + later)
    flat = predict_flat(40, small=(0.2, 5.0), large=(0.9, 20.0))
    job_id = submit(db_engine, predictions=flat, objective=budget(1_000))
    draining = threading.Event()

    def answer_some(request: GenerationRequest) -> Completion:
        if request.messages[-1].content == "task-9":
            draining.set()
        return answer_with("yes", tokens=7)(request)

    drive(db_engine, job_id, [FakeEngine(answer_some)], make_settings(tmp_path), draining=draining)
    half = read(db_engine, job_id, traces)
    assert 0 < half[-1] < 280
    later = timedelta(hours=1)  # all of it is old enough to be kept
    assert read(db_engine, job_id, traces)[-1] == half[-1]
    assert drive(db_engine, job_id, [FakeEngine(answer_with("yes", tokens=7))], make_settings(tmp_path))
    for later in (timedelta(0), timedelta(hours=1), timedelta(hours=2)):  # noqa: B007 - the clock reads it
        spent = read(db_engine, job_id, traces)
        assert spent == sorted(spent)
        assert spent[-1] == 280


def test_a_job_without_an_entry_has_no_trace(db_engine: Database, waiting_job: int) -> None:
    assert read(db_engine, waiting_job, SpendingTraces()) == []
