"""What is wrong with one job keeps the reconciler from no other."""

import asyncio

import pytest
from sqlalchemy import Engine as Database
from sqlalchemy import text

from db.jobs import read_job
from db.promises import promise_answers
from db.session import session_scope
from db.states import JobState
from tests.db.building import LEAST, build_job, route
from worker.roles.reconciler_role import ReconcilerRole

SPOILT = text("UPDATE budget SET kept = 0 WHERE id = :budget_id")
MENDED = text("UPDATE budget SET kept = :kept WHERE id = :budget_id")
CANCELLING = text("UPDATE job SET state = 'cancelling'")


def test_a_job_that_can_not_be_ended_is_told_and_passed_over(
    db_engine: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """Its budget's books are damaged: it keeps less free than is to be taken back."""
    with session_scope(db_engine) as session:
        spoilt = build_job(session, tasks=1)
        assert promise_answers(session, job_id=spoilt.id, least=LEAST)
        route(session, spoilt, least=LEAST)
        sound = build_job(session, tasks=1)
        session.execute(SPOILT, {"budget_id": spoilt.budget_id})
        session.execute(CANCELLING)
    role = ReconcilerRole(database=db_engine, is_draining=lambda: False, ring=lambda _: None)
    asyncio.run(role.step())
    assert f"job {spoilt.id} can not be ended" in caplog.text
    with session_scope(db_engine) as session:
        states = [read_job(session, job_id=job.id).state for job in (spoilt, sound)]
        session.execute(MENDED, {"kept": LEAST, "budget_id": spoilt.budget_id})
    assert states == [JobState.CANCELLING, JobState.CANCELLED]
    asyncio.run(role.step())
    with session_scope(db_engine) as session:
        assert read_job(session, job_id=spoilt.id).state is JobState.CANCELLED
