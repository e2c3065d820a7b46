"""Pairs become champions, with what they learnt from."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from db.jobs import read_job
from db.predictors import StoredPredictor, store_champion
from router.artefact import PairMetadata, dump_pair, load_pair
from router.errors import PredictorArtefactError
from router.figures import TrainingFigures
from router.fold import FoldedPair
from router.strategy import Strategy
from worker.evidence import Evidence
from worker.forecast import PromptShares

SEED = 0  # of every pair: what strategies share in randomness cancels in their differences


@dataclass(frozen=True, kw_only=True, eq=False)
class Challenger:
    """A pair that may serve."""

    strategy: Strategy
    encoder: str
    pair: FoldedPair
    figures: TrainingFigures
    evidence: Evidence  # of what it learnt from
    prompt_shares: PromptShares


class Version(NamedTuple):
    """A pair as it is stored."""

    artefact: bytes
    meta: dict[str, Any]


def crown(session: Session, *, strategy_id: int, challenger: Challenger, compared: bool = True) -> None:
    """Make it the champion; `compared` says that no other way of predicting these outcomes is left to be tried."""
    version = make_version(session, challenger, compared=compared)
    store_champion(
        session,
        strategy_id=strategy_id,
        encoder=challenger.encoder,
        artefact=version.artefact,
        meta=version.meta,
    )


def make_version(session: Session, challenger: Challenger, *, compared: bool = True) -> Version:
    """What is stored of a pair: its bytes, and what it learnt from."""
    metadata = PairMetadata(
        strategy=challenger.strategy.name,
        strategy_hash=challenger.strategy.spec_hash,
        encoder=challenger.encoder,
        seed=SEED,
        figures=challenger.figures,
    )
    return Version(
        dump_pair(challenger.pair, metadata),
        {
            "figures": asdict(challenger.figures),
            "first_prompt_share": challenger.prompt_shares.first,
            "later_prompt_share": challenger.prompt_shares.later,
            "engines": _list_engines(session, challenger.evidence.job_ids),
            "cached_share": challenger.evidence.cached_share,
            "learnt_from": challenger.evidence.to_meta() | {"compared": compared},
        },
    )


def has_seen(champion: StoredPredictor, evidence: Evidence) -> bool:
    """Whether it learnt from these very outcomes, in whatever way."""
    return bool(champion.meta.get("learnt_from", {}).get("digest") == evidence.digest)


def is_readable(champion: StoredPredictor, *, encoder: str) -> bool:
    """Whether this release can load it."""
    try:
        load_pair(champion.artefact, encoder=encoder)
    except PredictorArtefactError:
        return False
    return True


def _list_engines(session: Session, job_ids: Iterable[int]) -> list[Mapping[str, Any]]:
    """The distinct engines behind the outcomes of these jobs, latest last."""
    engines: dict[str, Mapping[str, Any]] = {}
    for job_id in sorted(job_ids):
        for identity in read_job(session, job_id=job_id).meta.get("engines", {}).values():
            engines.pop(str(identity), None)
            engines[str(identity)] = identity
    return list(engines.values())
