"""Predictor versions: one champion for each strategy and encoder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session, aliased

from db.arrays import among
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
    line = f"predictor {strategy.tenant_id} {strategy.spec_hash} {encoder}"
    # Two trainings may end at once; the lock is held until the caller commits.
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(line, 0))))
    same_line = (
        PredictorVersionRow.tenant_id == strategy.tenant_id,
        PredictorVersionRow.spec_hash == strategy.spec_hash,
        PredictorVersionRow.encoder == encoder,
    )
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
    wanted = aliased(StrategyRow)
    query = (
        select(wanted.id.label("wanted_id"), *_COLUMNS)
        .join(
            PredictorVersionRow,
            (PredictorVersionRow.tenant_id == wanted.tenant_id) & (PredictorVersionRow.spec_hash == wanted.spec_hash),
        )
        .where(among(wanted.id, strategy_ids))
        .where(PredictorVersionRow.encoder == encoder, PredictorVersionRow.state == PredictorState.CHAMPION)
    )
    names = StoredPredictor.__dataclass_fields__
    return {
        row.wanted_id: StoredPredictor(**{name: row._mapping[name] for name in names}) for row in session.execute(query)
    }
