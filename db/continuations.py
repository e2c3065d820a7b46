"""Continuations: jobs that take up what the budget of an earlier one did not reach."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.states import RequeueReason
from db.tables import JobRow, RequeueRow


def find_continuation(session: Session, *, job_id: int) -> int | None:
    """The job that continues this one; None when there is none."""
    later = select(JobRow.id).where(JobRow.continues_job_id == job_id).order_by(JobRow.id).limit(1)
    return session.execute(later).scalar_one_or_none()


def list_unreached(session: Session, *, job_id: int) -> list[int]:
    """The tasks of a run that its budget did not reach, ascending."""
    unreached = select(RequeueRow.seq).where(
        RequeueRow.job_id == job_id,
        RequeueRow.routed_at.is_(None),
        RequeueRow.reason == RequeueReason.BUDGET_EXHAUSTED,
    )
    return list(session.execute(unreached.order_by(RequeueRow.seq)).scalars())
