"""Strategies, versioned: a changed spec or tariff makes a new version, the old one stays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from db.errors import NoSuchRow
from db.tables import StrategyRow


@dataclass(frozen=True, kw_only=True)
class StoredStrategy:
    """One version of a strategy as it was registered."""

    id: int
    tenant_id: str
    name: str
    version: int
    spec_hash: str
    spec: Mapping[str, Any]
    tariff: Mapping[str, Any]


_COLUMNS = [getattr(StrategyRow, name) for name in StoredStrategy.__dataclass_fields__]


def register_strategy(
    session: Session,
    *,
    tenant_id: str,
    name: str,
    spec_hash: str,
    spec: Mapping[str, Any],
    tariff: Mapping[str, Any],
) -> StoredStrategy:
    """The latest version of this name if it is the same, else a new one."""
    # Two commands may register the same file at once; the lock is held until the caller commits.
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"strategy {tenant_id} {name}", 0))))
    latest = _read_latest(session, tenant_id=tenant_id, name=name)
    offered = (spec_hash, dict(spec), dict(tariff))
    if latest is not None and (latest.spec_hash, latest.spec, latest.tariff) == offered:
        return latest
    version = 1 if latest is None else latest.version + 1
    row = insert(StrategyRow).values(
        tenant_id=tenant_id, name=name, version=version, spec_hash=spec_hash, spec=dict(spec), tariff=dict(tariff)
    )
    return StoredStrategy(**session.execute(row.returning(*_COLUMNS)).one()._mapping)


def read_strategies(session: Session, *, strategy_ids: Sequence[int]) -> list[StoredStrategy]:
    """The strategies, in the order of their ids as given."""
    rows = session.execute(select(*_COLUMNS).where(StrategyRow.id.in_(strategy_ids)))
    by_id = {row.id: StoredStrategy(**row._mapping) for row in rows}
    for strategy_id in strategy_ids:
        if strategy_id not in by_id:
            raise NoSuchRow(table="strategy", row_id=strategy_id)
    return [by_id[strategy_id] for strategy_id in strategy_ids]


def list_latest_strategies(session: Session, *, tenant_id: str) -> list[StoredStrategy]:
    """The latest version of every strategy of a tenant, by name."""
    own = select(*_COLUMNS).where(StrategyRow.tenant_id == tenant_id).ext(distinct_on(StrategyRow.name))
    rows = session.execute(own.order_by(StrategyRow.name, StrategyRow.version.desc()))
    return [StoredStrategy(**row._mapping) for row in rows]


def read_latest_strategies(session: Session, *, tenant_id: str, names: Sequence[str]) -> dict[str, StoredStrategy]:
    """The newest version of each name that the tenant has."""
    newest = select(*_COLUMNS).where(StrategyRow.tenant_id == tenant_id, StrategyRow.name.in_(names))
    rows = session.execute(newest.order_by(StrategyRow.version))  # the newest of a name comes last, and stays
    return {row.name: StoredStrategy(**row._mapping) for row in rows}


def list_versions(session: Session, *, tenant_id: str, name: str) -> list[StoredStrategy]:
    """All versions of a strategy, the newest first."""
    own = select(*_COLUMNS).where(StrategyRow.tenant_id == tenant_id, StrategyRow.name == name)
    return [StoredStrategy(**row._mapping) for row in session.execute(own.order_by(StrategyRow.version.desc()))]


def _read_latest(session: Session, *, tenant_id: str, name: str) -> StoredStrategy | None:
    query = select(*_COLUMNS).where(StrategyRow.tenant_id == tenant_id, StrategyRow.name == name)
    row = session.execute(query.order_by(StrategyRow.version.desc()).limit(1)).one_or_none()
    return None if row is None else StoredStrategy(**row._mapping)
