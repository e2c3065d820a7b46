"""Pairs become champions, with what they learnt from."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy.orm import Session

from db.jobs import read_job
from db.predictors import StoredPredictor, store_champion
from db.states import OutcomeSource
from db.training_rows import TrainingRow
from router.artefact import PairMetadata, dump_pair, load_pair
from router.errors import PredictorArtefactError
from router.figures import TrainingFigures
from router.fold import FoldedPair
from router.strategy import Strategy

SEED = 0  # of every pair: what strategies share in randomness cancels in their differences


@dataclass(frozen=True, kw_only=True, eq=False)
class Challenger:
    """A pair that may serve."""

    strategy: Strategy
    encoder: str
    pair: FoldedPair
    figures: TrainingFigures
    rows: Sequence[TrainingRow]  # what it learnt from
    later_prompt_share: float  # how much of what prompts after the first may hold they are expected to hold


def crown(session: Session, *, strategy_id: int, challenger: Challenger, compared: bool = True) -> None:
    """Make it the champion; `compared` says that no other way of predicting these outcomes is left to be tried."""
    metadata = PairMetadata(
        strategy=challenger.strategy.name,
        strategy_hash=challenger.strategy.spec_hash,
        encoder=challenger.encoder,
        seed=SEED,
        figures=challenger.figures,
    )
    store_champion(
        session,
        strategy_id=strategy_id,
        encoder=challenger.encoder,
        artefact=dump_pair(challenger.pair, metadata),
        meta={
            "figures": asdict(challenger.figures),
            "later_prompt_share": challenger.later_prompt_share,
            "engines": _list_engines(session, challenger.rows),
            "cached_share": find_cached_share(challenger.rows),
            "learnt_from": _fingerprint(challenger.rows) | ({} if compared else {"compared": False}),
        },
    )


def is_current(champion: StoredPredictor | None, rows: Sequence[TrainingRow], *, encoder: str) -> bool:
    """Whether training made the champion from these very outcomes, and this release can still load it."""
    return (
        champion is not None
        and champion.meta.get("learnt_from") == _fingerprint(rows)
        and is_readable(champion, encoder=encoder)
    )


def has_seen(champion: StoredPredictor, rows: Sequence[TrainingRow]) -> bool:
    """Whether it learnt from these very outcomes, in whatever way."""
    learnt_from = {**champion.meta.get("learnt_from", {})}
    learnt_from.pop("compared", None)
    return learnt_from == _fingerprint(rows)


def is_readable(champion: StoredPredictor, *, encoder: str) -> bool:
    """Whether this release can load it."""
    try:
        load_pair(champion.artefact, encoder=encoder)
    except PredictorArtefactError:
        return False
    return True


def _fingerprint(rows: Sequence[TrainingRow]) -> dict[str, Any]:
    """Outcomes are insert-only, so their number, the last of them and their grades say whether there is news."""
    return {"outcomes": len(rows), "last": [rows[-1].job_id, rows[-1].seq], "correct": sum(row.correct for row in rows)}


def find_cached_share(rows: Sequence[TrainingRow]) -> float:
    """The share of prompt tokens that engines had at hand; 0 where none of the rows is an engine's own answer."""
    counted = [row for row in rows if row.source is OutcomeSource.ENGINE]
    prompt_tokens = sum(row.prompt_tokens for row in counted)
    return sum(row.cached_prompt_tokens for row in counted) / max(prompt_tokens, 1)


def _list_engines(session: Session, rows: Sequence[TrainingRow]) -> list[Mapping[str, Any]]:
    """The distinct engines behind these outcomes, latest last."""
    engines: dict[str, Mapping[str, Any]] = {}
    for job_id in dict.fromkeys(row.job_id for row in rows):
        for identity in read_job(session, job_id=job_id).meta.get("engines", {}).values():
            engines.pop(str(identity), None)
            engines[str(identity)] = identity
    return list(engines.values())
