"""Progress: how far a job is and what it has used."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from db.jobs import read_job
from db.outcome_counts import read_outcome_counts
from db.states import GroupState, RequeueReason
from db.tables import GroupRow, LedgerEntryRow, RequeueRow


@dataclass(frozen=True, kw_only=True)
class JobProgress:
    """Counts over a job's tasks (in a calibration: tasks times strategies), and its own share of the ledger."""

    answers_needed: int
    outcomes: int
    errors: int  # outcomes with an error code
    graded: int
    correct: float  # sum over graded outcomes
    requeued: Mapping[RequeueReason, int]  # tasks that are in no group now
    groups: Mapping[GroupState, int]
    reserved: int
    spent: int
    burned: int
    overrun: int


@dataclass(frozen=True, kw_only=True)
class SpendPoint:
    """A job's standing after one ledger entry, in quanta."""

    at: datetime
    reserved: int
    spent: int
    burned: int


def read_progress(session: Session, *, job_id: int) -> JobProgress:
    """The counts as of now."""
    job = read_job(session, job_id=job_id)
    return JobProgress(
        answers_needed=job.task_count * len(job.arms),
        **read_outcome_counts(session, job_id=job_id)._asdict(),
        requeued=count_requeued(session, job_id=job_id),
        groups=_count_groups(session, job_id=job_id),
        **_sum_ledger(session, job_id=job_id),
    )


def read_spending(session: Session, *, job_id: int) -> list[SpendPoint]:
    """The job's spending over time, one point for each ledger entry."""
    entries = select(
        LedgerEntryRow.created_at,
        LedgerEntryRow.reserved_delta,
        LedgerEntryRow.spent_delta,
        LedgerEntryRow.burned_delta,
    ).where(LedgerEntryRow.job_id == job_id)
    points = []
    reserved = spent = burned = 0
    for entry in session.execute(entries.order_by(LedgerEntryRow.id)):
        reserved, spent = reserved + entry.reserved_delta, spent + entry.spent_delta
        burned += entry.burned_delta
        points.append(SpendPoint(at=entry.created_at, reserved=reserved, spent=spent, burned=burned))
    return points


# A group's prediction counts for the share of its members that is not settled yet.
_PREDICTED_IN_FLIGHT = text("""
    SELECT coalesce(ceil(sum(predicted_cost * (1 - settled::numeric / cardinality(grp.seqs)))), 0)
    FROM job JOIN grp ON grp.job_id = job.id AND grp.state <> 'done'
    WHERE job.budget_id = :budget_id
""")


def read_predicted_in_flight(session: Session, *, budget_id: int) -> int:
    """Predicted cost, in quanta, of what is routed under the budget and not settled yet."""
    return int(session.execute(_PREDICTED_IN_FLIGHT, {"budget_id": budget_id}).scalar_one())


def count_requeued(session: Session, *, job_id: int) -> dict[RequeueReason, int]:
    """How many tasks of a job are in no group, by the reason."""
    live = (RequeueRow.job_id == job_id, RequeueRow.routed_at.is_(None))
    rows = session.execute(select(RequeueRow.reason, func.count()).where(*live).group_by(RequeueRow.reason))
    return {reason: count for reason, count in rows}  # noqa: C416 - rows are not pairs to a type checker


def _count_groups(session: Session, *, job_id: int) -> dict[GroupState, int]:
    query = select(GroupRow.state, func.count()).where(GroupRow.job_id == job_id).group_by(GroupRow.state)
    return {state: 0 for state in GroupState} | {state: count for state, count in session.execute(query)}  # noqa: C416, C420


def _sum_ledger(session: Session, *, job_id: int) -> dict[str, int]:
    sums = {
        name: func.coalesce(func.sum(getattr(LedgerEntryRow, f"{name}_delta")), 0).label(name)
        for name in ("reserved", "spent", "burned", "overrun")
    }
    row = session.execute(select(*sums.values()).where(LedgerEntryRow.job_id == job_id)).one()
    return {name: int(value) for name, value in row._mapping.items()}
