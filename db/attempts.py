"""Attempts of a task that were not final."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.tables import AttemptRow, GroupRow


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """An execution that did not bring the task's answer."""

    strategy_id: int
    error_code: str
    error_message: str
    cost: int
    ended_at: datetime


def list_attempts(session: Session, *, job_id: int, seq: int) -> list[Attempt]:
    """The attempts of a task, in the order of their ends."""
    columns = (AttemptRow.error_code, AttemptRow.error_message, AttemptRow.cost, AttemptRow.ended_at)
    rows = select(GroupRow.strategy_id, *columns).join(GroupRow, GroupRow.id == AttemptRow.grp_id)
    rows = rows.where(AttemptRow.job_id == job_id, AttemptRow.seq == seq).order_by(AttemptRow.ended_at)
    return [Attempt(**row._mapping) for row in session.execute(rows)]
