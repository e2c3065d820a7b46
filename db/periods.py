"""Periods: an open job whose budget's period is over goes on in the next one, and its promise goes with it."""

from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from db.budgets import Budget, read_budget
from db.jobs import Job, lock_job
from db.promises import promise_answers, take_back_promise
from db.shared_budgets import begin_period, find_shared_budget, read_clock
from db.states import FINAL_STATES, JobState
from db.tables import BudgetRow, JobRow


def list_outdated_jobs(session: Session, *, now: datetime | None = None) -> list[int]:
    """Open jobs that draw on a period that is over; not those that are being cancelled, which start nothing more."""
    moment = now or read_clock(session)
    jobs = select(JobRow.id, BudgetRow.period, BudgetRow.period_start).join(BudgetRow, BudgetRow.id == JobRow.budget_id)
    jobs = jobs.where(JobRow.finished_at.is_(None), JobRow.state != JobState.CANCELLING)
    jobs = jobs.where(BudgetRow.period.is_not(None)).order_by(JobRow.id)
    return [
        job_id
        for job_id, period, start in session.execute(jobs)
        if period is not None and start is not None and start < begin_period(period, now=moment)
    ]


def move_to_present_period(
    session: Session, *, job_id: int, least: NDArray[np.float64], now: datetime | None = None
) -> bool:
    """Whether the job draws on another row of its budget from now on; what is reserved settles where it was reserved.

    `least` is what its budget keeps free for each task until it is started, 0 for a twin. Where the new period can not
    promise that beside what it promised to others, the job is served first come, first served.
    """
    job = lock_job(session, job_id=job_id)
    if job.state in (JobState.CANCELLING, *FINAL_STATES):
        return False
    for lock in _LOCKS:  # of everything that changes promises: nothing may do so in between
        session.execute(lock, {"job_id": job_id})
    present = _find_present(session, read_budget(session, budget_id=job.budget_id), now=now)
    if present.id == job.budget_id:
        return False
    kept = _sum_waiting(session, job=job, least=least) if job.promised else 0
    take_back_promise(session, job_id=job_id, least=kept)
    moved = update(JobRow).where(JobRow.id == job_id)
    session.execute(moved.values(budget_id=present.id, promised=False))
    if job.promised:
        promise_answers(session, job_id=job_id, least=kept)
    return True


def _find_present(session: Session, budget: Budget, *, now: datetime | None) -> Budget:
    present = find_shared_budget(session, tenant_id=budget.tenant_id, name=budget.name, now=now)
    assert present is not None
    return present


def _sum_waiting(session: Session, *, job: Job, least: NDArray[np.float64]) -> int:
    """What is kept free for the job's tasks: its tasks without those that have ended or are with engines."""
    waiting = least.copy()
    waiting[session.execute(_LIST_ENDED_OR_STARTED, {"job_id": job.id}).scalars().all()] = 0.0
    return sum(map(int, waiting.tolist()))  # a float sum may fall below its own parts


_LOCKS = (
    text("SELECT FROM task_window WHERE job_id = :job_id AND state <> 'routed' ORDER BY id FOR NO KEY UPDATE"),
    text("SELECT FROM grp WHERE job_id = :job_id AND state <> 'done' ORDER BY id FOR NO KEY UPDATE"),
)

_LIST_ENDED_OR_STARTED = text("""
    SELECT seq FROM outcome WHERE job_id = :job_id
    UNION ALL SELECT seq FROM kept_answer WHERE job_id = :job_id
    UNION ALL SELECT seq FROM requeue WHERE job_id = :job_id AND routed_at IS NULL
              AND reason IN ('budget_exhausted', 'not_eligible', 'cancelled')
    UNION ALL SELECT unnest(seqs) FROM ledger_entry AS held WHERE job_id = :job_id AND kind = 'reserve'
              AND NOT EXISTS (
                  SELECT FROM ledger_entry AS ended WHERE ended.grp_id = held.grp_id AND ended.fence = held.fence
                  AND ended.batch_no = held.batch_no AND ended.kind IN ('settle', 'burn'))
""")
