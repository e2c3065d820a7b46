"""The reconciler takes jobs into the next period of their budget."""

import asyncio
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine as Database

from db.budgets import read_budget
from db.jobs import read_job
from db.session import session_scope
from db.shared_budgets import create_shared_budget
from db.states import BudgetPeriod
from tests.worker.fake_night import budget, predict_flat, submit
from worker.roles.reconciler_role import ReconcilerRole

LONG_AGO = datetime.now(UTC) - timedelta(days=3)


def test_a_job_of_an_earlier_night_draws_on_the_present_one(db_engine: Database) -> None:
    with session_scope(db_engine) as session:
        nightly = {"tenant_id": "default", "name": "nightly", "unit": "tokens", "cap": 100}
        past_id = create_shared_budget(session, **nightly, period=BudgetPeriod.NIGHTLY, now=LONG_AGO)  # type: ignore[arg-type]  # fields by name
    flat = predict_flat(4, small=(0.2, 5.0), large=(0.9, 20.0))
    job_id = submit(db_engine, predictions=flat, objective=budget(100), budget_id=past_id)
    asyncio.run(ReconcilerRole(database=db_engine, is_draining=lambda: False, ring=lambda _: None).step())
    with session_scope(db_engine) as session:
        job, past = read_job(session, job_id=job_id), read_budget(session, budget_id=past_id or 0)
        present = read_budget(session, budget_id=job.budget_id)
    assert (past.kept, present.kept, present.cap) == (0, 40, 100)
    assert present.period_start is not None
    assert present.period_start > LONG_AGO
