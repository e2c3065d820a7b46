"""Leases of groups, and the fenced write that every later change of a claimed group begins with."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Update, bindparam, func, select, update
from sqlalchemy.orm import Session

from db.errors import StaleFence
from db.states import GroupState, JobKind
from db.tables import GroupRow
from db.tables.base import core_table


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


_GRP = core_table(GroupRow)
_MEMBERS = func.cardinality(_GRP.c.seqs).label("members")
_COLUMNS = [_MEMBERS if name == "members" else _GRP.c[name] for name in HeldGroup.__dataclass_fields__]


def lease_end(lease_seconds: float) -> ColumnElement[datetime]:
    """That long from now, by the database's clock (and not from the transaction's start: it may have waited)."""
    return func.clock_timestamp() + timedelta(seconds=lease_seconds)


def extend_lease(session: Session, *, group_id: int, fence: int, lease_seconds: float) -> bool:
    """Hold the group for another `lease_seconds` from now; StaleFence when it is lost.

    False, at once, where somebody is writing it at this moment: its owner, who may wait for the budget meanwhile.
    """
    held = (_GRP.c.id == group_id, _GRP.c.fence == fence, _GRP.c.state == GroupState.CLAIMED)
    free = select(_GRP.c.id).where(*held).with_for_update(skip_locked=True, key_share=True).scalar_subquery()
    extended = update(_GRP).where(_GRP.c.id == free)
    extended = extended.values(heartbeat_at=func.clock_timestamp(), lease_until=lease_end(lease_seconds))
    if session.execute(extended.returning(_GRP.c.id)).one_or_none() is not None:
        return True
    if session.execute(select(_GRP.c.id).where(*held)).one_or_none() is None:
        raise StaleFence(table="group", row_id=group_id, fence=fence)
    return False


def fenced_change(**values: object) -> Update:
    """A change of a group, for `write_fenced`; best made once, with a bindparam for what differs.

    No bindparam may have a column's name: SQLAlchemy would set that column.
    """
    held = (
        _GRP.c.id == bindparam("held_id"),
        _GRP.c.fence == bindparam("held_fence"),
        _GRP.c.state == GroupState.CLAIMED,
    )
    return update(_GRP).where(*held).values(heartbeat_at=func.clock_timestamp(), **values).returning(*_COLUMNS)


def write_fenced(session: Session, change: Update, *, group_id: int, fence: int, **names: object) -> HeldGroup:
    """Change the group and hold its lock; StaleFence when it is lost.

    The first statement of every transaction under a fence: whoever expires the lease waits for this lock or has won it.
    """
    row = session.execute(change, {"held_id": group_id, "held_fence": fence, **names}).one_or_none()
    if row is None:
        raise StaleFence(table="group", row_id=group_id, fence=fence)
    return HeldGroup(**row._mapping)
