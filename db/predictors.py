"""Predictor versions: one champion for each strategy and encoder."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, cast, exists, func, insert, literal_column, select, update
from sqlalchemy.dialects.postgresql import JSONB, distinct_on
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
    return store_version(
        session,
        strategy_id=strategy_id,
        encoder=encoder,
        artefact=artefact,
        meta=meta,
        state=PredictorState.CHAMPION,
        report={},
    )


def store_version(
    session: Session,
    *,
    strategy_id: int,
    encoder: str,
    artefact: bytes,
    meta: Mapping[str, Any],
    state: PredictorState,
    report: Mapping[str, Any],
) -> int:
    """The id of the predictor version. One that serves retires the champion; whatever waited for a trial is held."""
    (strategy,) = read_strategies(session, strategy_ids=[strategy_id])
    same_line = _lock_line(session, tenant_id=strategy.tenant_id, spec_hash=strategy.spec_hash, encoder=encoder)
    last = session.execute(select(func.max(PredictorVersionRow.version)).where(*same_line)).scalar_one() or 0
    _move(session, *same_line, before=PredictorState.CANDIDATE, to=PredictorState.HELD)
    if state is PredictorState.CHAMPION:
        _make_way(session, *same_line)
    row = insert(PredictorVersionRow).values(
        tenant_id=strategy.tenant_id,
        strategy_id=strategy_id,
        spec_hash=strategy.spec_hash,
        version=last + 1,
        encoder=encoder,
        artefact=artefact,
        meta=dict(meta),
        state=state,
        report=dict(report),
        crowned_at=func.clock_timestamp() if state is PredictorState.CHAMPION else None,
    )
    return session.execute(row.returning(PredictorVersionRow.id)).scalar_one()


def lock_champion(session: Session, *, tenant_id: str, spec_hash: str, encoder: str) -> int | None:
    """The id of the version that serves, and goes on serving until the caller commits; None where there is none."""
    same_line = _lock_line(session, tenant_id=tenant_id, spec_hash=spec_hash, encoder=encoder)
    serving = select(PredictorVersionRow.id).where(*same_line, PredictorVersionRow.state == PredictorState.CHAMPION)
    return session.execute(serving).scalar_one_or_none()


def count_on_trial(session: Session, *, predictor_ids: Sequence[int]) -> int:
    """How many of these versions are still tried."""
    tried = (among(PredictorVersionRow.id, predictor_ids), PredictorVersionRow.state == PredictorState.ON_TRIAL)
    return session.execute(select(func.count()).select_from(PredictorVersionRow).where(*tried)).scalar_one()


def set_state(session: Session, *, predictor_ids: Sequence[int], before: PredictorState, to: PredictorState) -> None:
    """Those of these versions that stand like `before`, none of which serves, stand like `to` from now on."""
    _move(session, among(PredictorVersionRow.id, predictor_ids), before=before, to=to)


@dataclass(frozen=True, kw_only=True)
class Reported:
    """Why a version stands as it does."""

    report: Mapping[str, Any]
    crowned_at: datetime | None  # when it last became champion; None: it never did, or before this was kept


def read_report(session: Session, *, predictor_id: int) -> Reported:
    """What is kept with a version."""
    own = select(PredictorVersionRow.report, PredictorVersionRow.crowned_at)
    return Reported(**session.execute(own.where(PredictorVersionRow.id == predictor_id)).one()._mapping)


def amend_report(session: Session, *, predictor_id: int, parts: Mapping[str, Any]) -> None:
    """Add to the report that is kept with a version; a part that it has already is replaced."""
    own = update(PredictorVersionRow).where(PredictorVersionRow.id == predictor_id)
    session.execute(own.values(report=PredictorVersionRow.report.concat(cast(dict(parts), JSONB))))


def read_champions(session: Session, *, strategy_ids: Sequence[int], encoder: str) -> dict[int, StoredPredictor]:
    """The serving predictor of each strategy that has one for this encoder, keyed by the strategy ids as given."""
    serving = _select_lines(strategy_ids=strategy_ids, encoder=encoder)
    return _by_strategy(session, serving.where(PredictorVersionRow.state == PredictorState.CHAMPION))


def list_champions(session: Session) -> list[StoredPredictor]:
    """Every predictor that serves, of all strategies, encoders and tenants."""
    serving = select(*_COLUMNS).where(PredictorVersionRow.state == PredictorState.CHAMPION)
    return [_predictor_of(row) for row in session.execute(serving.order_by(PredictorVersionRow.id))]


def read_on_trial(session: Session, *, strategy_ids: Sequence[int], encoder: str) -> dict[int, StoredPredictor]:
    """The version on trial of each strategy that has one, keyed by the strategy ids as given."""
    tried = _select_lines(strategy_ids=strategy_ids, encoder=encoder)
    return _by_strategy(session, tried.where(PredictorVersionRow.state == PredictorState.ON_TRIAL))


def read_newest(session: Session, *, strategy_ids: Sequence[int], encoder: str) -> dict[int, StoredPredictor]:
    """The predictor of each strategy that was trained last, whether it ever served or not; keyed as given."""
    wanted: ColumnElement[int] = literal_column("wanted_id")
    newest = _select_lines(strategy_ids=strategy_ids, encoder=encoder).ext(distinct_on(wanted))
    return _by_strategy(session, newest.order_by(wanted, PredictorVersionRow.version.desc()))


def find_stand_in(
    session: Session, version: StoredPredictor, *, strategy_id: int, refused: Collection[int]
) -> StoredPredictor | None:
    """The strategy's predictor that can serve in place of this version: none of those with these ids.

    The latest with a version before it that served once; where there is none, the latest after it: such a one was taken
    back, which is better than nothing.
    """
    own = PredictorVersionRow
    served = _select_lines(strategy_ids=[strategy_id], encoder=version.encoder).where(
        own.state == PredictorState.RETIRED, own.id.not_in(refused)
    )
    earlier_first = served.order_by((own.version < version.version).desc(), own.version.desc())
    return _by_strategy(session, earlier_first.limit(1)).get(strategy_id)


def read_taken_back(session: Session, version: StoredPredictor, *, strategy_id: int) -> list[Mapping[str, Any]]:
    """What is told of the strategy's predictors with a version after this champion's that served before it does."""
    later = _select_lines(strategy_ids=[strategy_id], encoder=version.encoder).where(
        PredictorVersionRow.state == PredictorState.RETIRED, PredictorVersionRow.version > version.version
    )
    return list(session.execute(later.with_only_columns(PredictorVersionRow.meta)).scalars())


def read_predecessor(session: Session, *, strategy_id: int, encoder: str) -> StoredPredictor | None:
    """The strategy's predictor that served last before the champion; None where there is none."""
    retired = _select_lines(strategy_ids=[strategy_id], encoder=encoder)
    retired = retired.where(PredictorVersionRow.state == PredictorState.RETIRED)
    latest = (PredictorVersionRow.crowned_at.desc().nulls_last(), PredictorVersionRow.version.desc())
    return _by_strategy(session, retired.order_by(*latest).limit(1)).get(strategy_id)


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


def read_version(session: Session, *, tenant_id: str, predictor_id: int) -> PredictorVersion:
    """The version as it is listed; NoSuchRow."""
    own = _select_versions().where(PredictorVersionRow.tenant_id == tenant_id, PredictorVersionRow.id == predictor_id)
    row = session.execute(own).one_or_none()
    if row is None:
        raise NoSuchRow(table="predictor_version", row_id=predictor_id)
    return PredictorVersion(**row._mapping)


def read_artefact(session: Session, *, predictor_id: int) -> bytes:
    """The version's bytes; NoSuchRow."""
    own = select(PredictorVersionRow.artefact).where(PredictorVersionRow.id == predictor_id)
    artefact = session.execute(own).scalar_one_or_none()
    if artefact is None:
        raise NoSuchRow(table="predictor_version", row_id=predictor_id)
    return artefact


def promote(session: Session, *, tenant_id: str, predictor_id: int) -> PredictorVersion:
    """The version, which serves from now on; the champion before it is retired. NoSuchRow."""
    version = read_version(session, tenant_id=tenant_id, predictor_id=predictor_id)
    same_line = _lock_line(session, tenant_id=tenant_id, spec_hash=version.spec_hash, encoder=version.encoder)
    _make_way(session, *same_line)
    chosen = update(PredictorVersionRow).where(PredictorVersionRow.id == predictor_id)
    session.execute(chosen.values(state=PredictorState.CHAMPION, crowned_at=func.clock_timestamp(), retired_at=None))
    return replace(version, state=PredictorState.CHAMPION)


def find_earlier(session: Session, *, tenant_id: str, strategy: str) -> int | None:
    """The version that served before the one that serves the strategy's newest spec; None where there is none."""
    serving, earlier = aliased(PredictorVersionRow), aliased(PredictorVersionRow)
    query = (
        select(earlier.id)
        .join(serving, (serving.tenant_id == earlier.tenant_id) & (serving.spec_hash == earlier.spec_hash))
        .join(StrategyRow, (StrategyRow.tenant_id == serving.tenant_id) & (StrategyRow.spec_hash == serving.spec_hash))
        .where(earlier.encoder == serving.encoder, earlier.version < serving.version)
        .where(serving.state == PredictorState.CHAMPION, earlier.state == PredictorState.RETIRED)
        .where(StrategyRow.tenant_id == tenant_id)
        .where(StrategyRow.name == strategy)
        .order_by(StrategyRow.version.desc(), serving.id.desc(), earlier.version.desc())
    )
    return session.execute(query.limit(1)).scalar_one_or_none()


def _select_versions() -> Select[Any]:
    own = PredictorVersionRow
    columns = [getattr(own, name) for name in ("id", "spec_hash", "version", "encoder", "state", "created_at")]
    named = (StrategyRow.name.label("strategy"), own.meta["figures"].label("figures"))
    return select(*columns, *named).join(StrategyRow, StrategyRow.id == own.strategy_id)


def _move(session: Session, *which: ColumnElement[bool], before: PredictorState, to: PredictorState) -> None:
    moved = update(PredictorVersionRow).where(*which, PredictorVersionRow.state == before)
    session.execute(moved.values(state=to))


def _make_way(session: Session, *same_line: ColumnElement[bool]) -> None:
    """Nothing serves any more, nor is anything tried against what did."""
    serving = update(PredictorVersionRow).where(*same_line, PredictorVersionRow.state == PredictorState.CHAMPION)
    session.execute(serving.values(state=PredictorState.RETIRED, retired_at=func.clock_timestamp()))
    _move(session, *same_line, before=PredictorState.ON_TRIAL, to=PredictorState.HELD)


def _lock_line(session: Session, *, tenant_id: str, spec_hash: str, encoder: str) -> tuple[ColumnElement[bool], ...]:
    """What picks all versions of one line; nobody else changes which of them serves until the caller commits."""
    line = f"predictor {tenant_id} {spec_hash} {encoder}"
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(line, 0))))
    return (
        PredictorVersionRow.tenant_id == tenant_id,
        PredictorVersionRow.spec_hash == spec_hash,
        PredictorVersionRow.encoder == encoder,
    )
