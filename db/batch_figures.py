"""A batch's figures while its job runs: from counts that groups keep, so that a million tasks cost no more than few."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.budgets import read_budget
from db.jobs import Job
from db.progress import read_progress
from db.states import FINAL_REASONS, RequeueReason
from db.tables import GroupRow, RequeueRow, WindowRow


@dataclass(frozen=True, kw_only=True)
class JobSpend:
    """What a job used, in quanta of its budget's unit."""

    unit: str
    spent: int
    burned: int
    reserved: int
    overrun: int


@dataclass(frozen=True, kw_only=True)
class StrategyShare:
    """What one strategy did."""

    strategy_id: int
    answered: int
    errors: int
    graded: int
    correct: float


def read_spend(session: Session, *, job: Job) -> JobSpend:
    """The job's own use; of a budget that it has to itself, the budget's."""
    budget = read_budget(session, budget_id=job.budget_id)
    source = read_progress(session, job_id=job.id) if budget.shared else budget
    return JobSpend(
        unit=budget.unit,
        spent=source.spent,
        burned=source.burned,
        reserved=source.reserved,
        overrun=source.overrun,
    )


def read_shares(session: Session, *, job_id: int) -> list[StrategyShare]:
    """One row for each strategy that was given a group."""
    counts = [
        func.coalesce(func.sum(column), 0).label(name)
        for name, column in (
            ("answered", GroupRow.answered),
            ("errors", GroupRow.errors),
            ("graded", GroupRow.graded),
            ("correct", GroupRow.correct),
        )
    ]
    rows = select(GroupRow.strategy_id, *counts).where(GroupRow.job_id == job_id).group_by(GroupRow.strategy_id)
    return [StrategyShare(**row._mapping) for row in session.execute(rows.order_by(GroupRow.strategy_id))]


def count_given_up(session: Session, *, job_id: int) -> Mapping[RequeueReason, int]:
    """Tasks that will have no outcome, by the reason."""
    final = (RequeueRow.job_id == job_id, RequeueRow.routed_at.is_(None), RequeueRow.reason.in_(FINAL_REASONS))
    rows = session.execute(select(RequeueRow.reason, func.count()).where(*final).group_by(RequeueRow.reason))
    return {reason: count for reason, count in rows}  # noqa: C416 - rows are not pairs to a type checker


def read_shadow_price(session: Session, *, job_id: int) -> float | None:
    """Right answers per quantum, as of the last window that has a price."""
    priced = (WindowRow.job_id == job_id, WindowRow.shadow_price.is_not(None))
    latest = select(WindowRow.shadow_price).where(*priced).order_by(WindowRow.id.desc()).limit(1)
    return session.execute(latest).scalar_one_or_none()
