"""A job's spending at a few moments, from its ledger entries, or from those that came since somebody looked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from db.tables import LedgerEntryRow


@dataclass(frozen=True, kw_only=True)
class SpendMoment:
    """What a job had reserved, spent and burned by a moment, in quanta."""

    at: datetime
    reserved: int = 0
    spent: int = 0
    burned: int = 0
    overrun: int = 0


_AMOUNTS = ("reserved", "spent", "burned", "overrun")
_SUM = text("""
    SELECT least(:points, greatest(1, ceil(extract(epoch FROM created_at - :since) / :step)))::int AS point,
           sum(reserved_delta) AS reserved, sum(spent_delta) AS spent, sum(burned_delta) AS burned,
           sum(overrun_delta) AS overrun
    FROM ledger_entry WHERE job_id = :job_id AND id > :after AND id <= coalesce(:through, id)
    GROUP BY 1 ORDER BY 1
""")


def find_last_entry(session: Session, *, job_id: int, until: datetime) -> int:
    """The id of the latest entry of the job that is as old; 0 when none is."""
    entries = select(LedgerEntryRow.id).where(LedgerEntryRow.job_id == job_id, LedgerEntryRow.created_at <= until)
    return session.execute(entries.order_by(LedgerEntryRow.id.desc()).limit(1)).scalar() or 0


def read_spending_points(
    session: Session,
    *,
    job_id: int,
    before: SpendMoment,
    until: datetime,
    points: int,
    after: int = 0,
    through: int | None = None,
) -> Sequence[SpendMoment]:
    """The spending by the end of each of `points` equal parts of the time, without those in which nothing happened.

    `before` is the spending up to the entry `after`; entries up to `through` are read, those that came later than
    `until` for the last part.
    """
    step = max((until - before.at).total_seconds(), 1e-3) / points
    bounds = {"job_id": job_id, "after": after, "through": through}
    moments, sums = [], {name: getattr(before, name) for name in _AMOUNTS}
    for row in session.execute(_SUM, {**bounds, "since": before.at, "step": step, "points": points}):
        sums = {name: sums[name] + int(row._mapping[name]) for name in _AMOUNTS}
        moments.append(SpendMoment(at=before.at + timedelta(seconds=step * row.point), **sums))
    return moments
