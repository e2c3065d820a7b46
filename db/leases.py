"""Leases of groups, and the fenced write that every later change of a claimed group begins with."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, update
from sqlalchemy.orm import Session

from db.errors import StaleFence
from db.states import GroupState, JobKind
from db.tables import GroupRow


@dataclass(frozen=True, kw_only=True)
class HeldGroup:
    """A group that this transaction has locked under its fence."""

    id: int
    tenant_id: str
    job_id: int
    kind: JobKind
    strategy_id: int
    arm: int
    fence: int
    members: int
    next_batch_no: int
    started: int  # members reserved for, and not burned since
    settled: int  # of those: answered, or back at routing


_MEMBERS = func.cardinality(GroupRow.seqs).label("members")
_COLUMNS = [getattr(GroupRow, name, _MEMBERS) for name in HeldGroup.__dataclass_fields__]


def lease_end(lease_seconds: float) -> ColumnElement[datetime]:
    """That long from now, by the database's clock (and not from the transaction's start: it may have waited)."""
    return func.clock_timestamp() + timedelta(seconds=lease_seconds)


def extend_lease(session: Session, *, group_id: int, fence: int, lease_seconds: float) -> None:
    """Hold the group for another `lease_seconds` from now; StaleFence when it is lost."""
    write_fenced(session, group_id=group_id, fence=fence, lease_until=lease_end(lease_seconds))


def write_fenced(session: Session, *, group_id: int, fence: int, **values: object) -> HeldGroup:
    """Change the group and hold its lock; StaleFence when it is lost.

    The first statement of every transaction under a fence: whoever expires the lease waits for this lock or has won it.
    """
    held = (GroupRow.id == group_id, GroupRow.fence == fence, GroupRow.state == GroupState.CLAIMED)
    beat = update(GroupRow).where(*held).values(heartbeat_at=func.clock_timestamp(), **values)
    row = session.execute(beat.returning(*_COLUMNS)).one_or_none()
    if row is None:
        raise StaleFence(table="group", row_id=group_id, fence=fence)
    return HeldGroup(**row._mapping)
