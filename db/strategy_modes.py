"""What strategies are used for: changes are appended, the latest of a name counts; without one it is enabled."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, insert, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from db.arrays import among
from db.states import GroupState, JobKind, StrategyMode
from db.tables import GroupRow, StrategyChangeRow, StrategyRow


@dataclass(frozen=True, kw_only=True)
class StrategyChange:
    """Who made a strategy what it is, when and why."""

    name: str
    mode: StrategyMode
    changed_by: str
    reason: str
    created_at: datetime


_COLUMNS = [getattr(StrategyChangeRow, name) for name in StrategyChange.__dataclass_fields__]

_MODE = (
    select(StrategyChangeRow.mode)
    .where(StrategyChangeRow.tenant_id == StrategyRow.tenant_id, StrategyChangeRow.name == StrategyRow.name)
    .order_by(StrategyChangeRow.id.desc())
    .limit(1)
    .scalar_subquery()
)
_OUT_OF_SERVICE = select(StrategyRow.id, _MODE.label("mode")).where(_MODE != StrategyMode.ENABLED)  # NULL: no change


def lock_strategy(session: Session, *, tenant_id: str, name: str) -> None:
    """Nobody else changes what it is used for until the caller commits."""
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"strategy mode {tenant_id} {name}", 0))))


def read_mode(session: Session, *, tenant_id: str, name: str) -> StrategyMode:
    """What the strategy is used for."""
    changes = list_changes(session, tenant_id=tenant_id, name=name, limit=1)
    return changes[0].mode if changes else StrategyMode.ENABLED


def read_latest_changes(session: Session, *, tenant_id: str) -> dict[str, StrategyChange]:
    """The latest change of every strategy that had one, by name."""
    own = select(*_COLUMNS).where(StrategyChangeRow.tenant_id == tenant_id)
    latest = own.ext(distinct_on(StrategyChangeRow.name)).order_by(StrategyChangeRow.name, StrategyChangeRow.id.desc())
    return {row.name: StrategyChange(**row._mapping) for row in session.execute(latest)}


def list_changes(session: Session, *, tenant_id: str, name: str, limit: int) -> list[StrategyChange]:
    """The latest changes of a strategy, the newest first."""
    own = select(*_COLUMNS).where(StrategyChangeRow.tenant_id == tenant_id, StrategyChangeRow.name == name)
    rows = session.execute(own.order_by(StrategyChangeRow.id.desc()).limit(limit))
    return [StrategyChange(**row._mapping) for row in rows]


def append_change(
    session: Session, *, tenant_id: str, name: str, mode: StrategyMode, changed_by: str, reason: str
) -> StrategyChange:
    """The change, which counts from the caller's commit on."""
    row = insert(StrategyChangeRow).values(
        tenant_id=tenant_id, name=name, mode=mode, changed_by=changed_by, reason=reason
    )
    return StrategyChange(**session.execute(row.returning(*_COLUMNS)).one()._mapping)


def read_out_of_service(session: Session, *, strategy_ids: Sequence[int]) -> dict[int, StrategyMode]:
    """Those of these strategies that nothing may be routed to."""
    rows = session.execute(_OUT_OF_SERVICE.where(among(StrategyRow.id, strategy_ids)))
    return {row.id: StrategyMode(row.mode) for row in rows}


def list_waited_for(session: Session) -> list[int]:
    """Strategies that nothing may be routed to and that tasks of runs wait for all the same."""
    waiting = select(GroupRow.strategy_id).where(GroupRow.state == GroupState.READY, GroupRow.kind == JobKind.RUN)
    rows = session.execute(_OUT_OF_SERVICE.where(StrategyRow.id.in_(waiting)).order_by(StrategyRow.id))
    return [row.id for row in rows]
