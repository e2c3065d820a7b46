"""Predictor versions: one champion for each strategy and encoder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, exists, func, insert, literal_column, select, update
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session, aliased

from db.arrays import among
from db.errors import NoSuchRow
from db.states import PredictorState
from db.strategies import read_strategies
from db.tables import PredictorVersionRow, StrategyRow


@dataclass(frozen=True, kw_only=True)
class StoredPredictor:
    """One trained predictor pair."""

    id: int
    strategy_id: int
    spec_hash: str
    version: int
    encoder: str
    artefact: bytes
    meta: Mapping[str, Any]


_COLUMNS = [getattr(PredictorVersionRow, name) for name in StoredPredictor.__dataclass_fields__]


def store_champion(
    session: Session, *, strategy_id: int, encoder: str, artefact: bytes, meta: Mapping[str, Any]
) -> int:
    """The id of the predictor version, which serves from now on; the champion before it is retired."""
    (strategy,) = read_strategies(session, strategy_ids=[strategy_id])
    same_line = _lock_line(session, tenant_id=strategy.tenant_id, spec_hash=strategy.spec_hash, encoder=encoder)
    last = session.execute(select(func.max(PredictorVersionRow.version)).where(*same_line)).scalar_one() or 0
    before = update(PredictorVersionRow).where(*same_line, PredictorVersionRow.state == PredictorState.CHAMPION)
    session.execute(before.values(state=PredictorState.RETIRED))
    row = insert(PredictorVersionRow).values(
        tenant_id=strategy.tenant_id,
        strategy_id=strategy_id,
        spec_hash=strategy.spec_hash,
        version=last + 1,
        encoder=encoder,
        artefact=artefact,
        meta=dict(meta),
        state=PredictorState.CHAMPION,
    )
    return session.execute(row.returning(PredictorVersionRow.id)).scalar_one()


def read_champions(session: Session, *, strategy_ids: Sequence[int], encoder: str) -> dict[int, StoredPredictor]:
    """The serving predictor of each strategy that has one for this encoder, keyed by the strategy ids as given."""
    serving = _select_lines(strategy_ids=strategy_ids, encoder=encoder)
    return _by_strategy(session, serving.where(PredictorVersionRow.state == PredictorState.CHAMPION))


def list_champions(session: Session) -> list[StoredPredictor]:
    """Every predictor that serves, of all strategies, encoders and tenants."""
    serving = select(*_COLUMNS).where(PredictorVersionRow.state == PredictorState.CHAMPION)
    return [_predictor_of(row) for row in session.execute(serving.order_by(PredictorVersionRow.id))]


def read_newest(session: Session, *, strategy_ids: Sequence[int], encoder: str) -> dict[int, StoredPredictor]:
    """The predictor of each strategy that was trained last, whether it ever served or not; keyed as given."""
    wanted: ColumnElement[int] = literal_column("wanted_id")
    newest = _select_lines(strategy_ids=strategy_ids, encoder=encoder).ext(distinct_on(wanted))
    return _by_strategy(session, newest.order_by(wanted, PredictorVersionRow.version.desc()))


def find_retired(session: Session, *, strategy_id: int, encoder: str, before: int) -> StoredPredictor | None:
    """The strategy's latest predictor with a version before this one that served once."""
    retired = _select_lines(strategy_ids=[strategy_id], encoder=encoder).where(
        PredictorVersionRow.state == PredictorState.RETIRED, PredictorVersionRow.version < before
    )
    latest = retired.order_by(PredictorVersionRow.version.desc()).limit(1)
    return _by_strategy(session, latest).get(strategy_id)


def _select_lines(*, strategy_ids: Sequence[int], encoder: str) -> Select[Any]:
    """All versions of these strategies' lines, each with the strategy id that was given."""
    wanted = aliased(StrategyRow)
    same_line = (PredictorVersionRow.tenant_id == wanted.tenant_id) & (
        PredictorVersionRow.spec_hash == wanted.spec_hash
    )
    query = select(wanted.id.label("wanted_id"), *_COLUMNS).join(PredictorVersionRow, same_line)
    return query.where(among(wanted.id, strategy_ids), PredictorVersionRow.encoder == encoder)


def _by_strategy(session: Session, query: Select[Any]) -> dict[int, StoredPredictor]:
    return {row.wanted_id: _predictor_of(row) for row in session.execute(query)}


def _predictor_of(row: Row[Any]) -> StoredPredictor:
    return StoredPredictor(**{name: row._mapping[name] for name in StoredPredictor.__dataclass_fields__})


def has_champion(session: Session, *, tenant_id: str, spec_hash: str) -> bool:
    """Whether strategies with this hash have a predictor that serves, for whatever encoder."""
    own = (PredictorVersionRow.tenant_id == tenant_id, PredictorVersionRow.spec_hash == spec_hash)
    serving = exists().where(*own, PredictorVersionRow.state == PredictorState.CHAMPION)
    return session.execute(select(serving)).scalar_one()


@dataclass(frozen=True, kw_only=True)
class PredictorVersion:
    """One trained pair as it is listed, without its arrays."""

    id: int
    strategy: str
    spec_hash: str
    version: int
    encoder: str
    state: PredictorState
    figures: Mapping[str, Any]  # how well it predicts what it was not trained on
    created_at: datetime


def list_predictors(session: Session, *, tenant_id: str, limit: int) -> list[PredictorVersion]:
    """The tenant's latest versions, by strategy, the newest of each first."""
    rows = _select_versions().where(PredictorVersionRow.tenant_id == tenant_id)
    newest = rows.order_by(PredictorVersionRow.id.desc()).limit(limit)
    found = [PredictorVersion(**row._mapping) for row in session.execute(newest)]
    return sorted(found, key=lambda version: (version.strategy, version.encoder, -version.version))


def promote(session: Session, *, tenant_id: str, predictor_id: int) -> PredictorVersion:
    """The version, which serves from now on; the champion before it is retired. NoSuchRow."""
    own = _select_versions().where(PredictorVersionRow.tenant_id == tenant_id, PredictorVersionRow.id == predictor_id)
    row = session.execute(own).one_or_none()
    if row is None:
        raise NoSuchRow(table="predictor_version", row_id=predictor_id)
    same_line = _lock_line(session, tenant_id=tenant_id, spec_hash=row.spec_hash, encoder=row.encoder)
    serving = update(PredictorVersionRow).where(*same_line, PredictorVersionRow.state == PredictorState.CHAMPION)
    session.execute(serving.values(state=PredictorState.RETIRED))
    chosen = update(PredictorVersionRow).where(PredictorVersionRow.id == predictor_id)
    session.execute(chosen.values(state=PredictorState.CHAMPION))
    return PredictorVersion(**{**row._mapping, "state": PredictorState.CHAMPION})


def find_earlier(session: Session, *, tenant_id: str, strategy: str) -> int | None:
    """The version before the one that serves the strategy's newest spec; None where there is none."""
    serving, earlier = aliased(PredictorVersionRow), aliased(PredictorVersionRow)
    query = (
        select(earlier.id)
        .join(serving, (serving.tenant_id == earlier.tenant_id) & (serving.spec_hash == earlier.spec_hash))
        .join(StrategyRow, (StrategyRow.tenant_id == serving.tenant_id) & (StrategyRow.spec_hash == serving.spec_hash))
        .where(earlier.encoder == serving.encoder, earlier.version < serving.version)
        .where(serving.state == PredictorState.CHAMPION, StrategyRow.tenant_id == tenant_id)
        .where(StrategyRow.name == strategy)
        .order_by(StrategyRow.version.desc(), serving.id.desc(), earlier.version.desc())
    )
    return session.execute(query.limit(1)).scalar_one_or_none()


def _select_versions() -> Select[Any]:
    own = PredictorVersionRow
    columns = [getattr(own, name) for name in ("id", "spec_hash", "version", "encoder", "state", "created_at")]
    named = (StrategyRow.name.label("strategy"), own.meta["figures"].label("figures"))
    return select(*columns, *named).join(StrategyRow, StrategyRow.id == own.strategy_id)


def _lock_line(session: Session, *, tenant_id: str, spec_hash: str, encoder: str) -> tuple[ColumnElement[bool], ...]:
    """What picks all versions of one line; nobody else changes which of them serves until the caller commits."""
    line = f"predictor {tenant_id} {spec_hash} {encoder}"
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(line, 0))))
    return (
        PredictorVersionRow.tenant_id == tenant_id,
        PredictorVersionRow.spec_hash == spec_hash,
        PredictorVersionRow.encoder == encoder,
    )
