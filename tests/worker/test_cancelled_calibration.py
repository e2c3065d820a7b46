"""A calibration or probe that is cancelled while somebody waits for it is not taken for complete."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine as Database
from sqlalchemy.orm import Session

from db.session import run_in_transaction
from db.states import JobKind
from tests.worker.fake_night import make_tasks
from tests.worker.probe_night import open_probe_workshop
from worker.bootstrap import Workshop
from worker.errors import JobNotDriveable
from worker.job_control import cancel
from worker.runs import drive_job
from worker.submission import submit_calibration, submit_probe


def submit(workshop: Workshop, kind: JobKind) -> int:
    tasks, pool, own = make_tasks(2), workshop.pool, workshop.strategy_ids

    def store(session: Session) -> int:
        if kind is JobKind.PROBE:
            return submit_probe(session, tasks=tasks, weights=[1.0, 1.0], pool=pool, strategy_ids=own, meta={})
        return submit_calibration(session, tasks=tasks, pool=pool, strategy_ids=own, meta={})

    return run_in_transaction(workshop.database, store)


@pytest.mark.parametrize("kind", [JobKind.CALIBRATION, JobKind.PROBE])
def test_who_watches_it_is_told_that_it_was_cancelled(
    db_engine: Database, database_url: str, tmp_path: Path, kind: JobKind
) -> None:
    opened = open_probe_workshop(db_engine, tmp_path)
    watching = replace(opened.settings, database_url=database_url, broker_url="redis://127.0.0.1:9/0")
    workshop = replace(opened, settings=watching)
    job_id = submit(workshop, kind)
    assert cancel(db_engine, job_id=job_id, patience_seconds=0.0)
    with pytest.raises(JobNotDriveable, match=f"{kind} {job_id} was cancelled"):
        drive_job(workshop, job_id=job_id, draining=threading.Event())
