"""Groups that are ready and wait for an engine worker."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.breakers import is_open
from db.states import GroupState
from db.tables import GroupRow, JobRow, StrategyRow


@dataclass(frozen=True, kw_only=True)
class WaitingStrategy:
    """A strategy with groups that may be claimed."""

    strategy_id: int
    name: str
    engine: str
    groups: int


def list_waiting_strategies(session: Session, *, tenant_id: str | None = None) -> list[WaitingStrategy]:
    """By name, with the groups of a tenant's jobs (of all jobs).

    Groups of paused jobs and of strategies that are left alone do not wait for a worker.
    """
    engine = StrategyRow.spec["engine"].astext
    count = func.count().label("groups")
    ready = select(StrategyRow.id.label("strategy_id"), StrategyRow.name, engine.label("engine"), count)
    ready = ready.select_from(GroupRow).join(StrategyRow, StrategyRow.id == GroupRow.strategy_id)
    ready = ready.join(JobRow, JobRow.id == GroupRow.job_id)
    ready = ready.where(GroupRow.state == GroupState.READY, ~JobRow.paused, ~is_open(GroupRow.strategy_id))
    if tenant_id is not None:
        ready = ready.where(JobRow.tenant_id == tenant_id)
    rows = session.execute(ready.group_by(StrategyRow.id, StrategyRow.name, engine).order_by(StrategyRow.name))
    return [WaitingStrategy(**row._mapping) for row in rows]
