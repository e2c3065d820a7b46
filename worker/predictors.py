"""The serving predictors of a pool, loaded from the database."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from db.clock import read_clock
from db.predictors import (
    PredictorVersion,
    StoredPredictor,
    amend_report,
    find_stand_in,
    lock_champion,
    promote,
    read_artefact,
    read_champions,
    read_report,
    read_version,
)
from db.strategies import read_strategies
from router.artefact import load_pair
from router.errors import PredictorArtefactError
from router.fold import FoldedPair
from router.stack import PredictorStack
from worker.errors import UntrainedStrategies
from worker.forecast import PromptShares
from worker.job_standing import NOTHING_SAID, Standing, read_standing
from worker.known_drift import NOTHING_KNOWN, KnownDrift, read_known_drift
from worker.prompt_shares import read_prompt_shares

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, eq=False)
class LoadedPredictors:
    """Every strategy's champion, stacked in the pool's order."""

    stack: PredictorStack
    version_ids: tuple[int, ...]
    meta: tuple[Mapping[str, Any], ...]  # of each: the engines it learnt from, its figures, its cached share
    standing: Standing = NOTHING_SAID  # for tasks of any kind
    drift: KnownDrift = NOTHING_KNOWN

    @property
    def cached_shares(self) -> tuple[float, ...]:
        """Of each strategy, the share of prompt tokens that is expected to be in its engine's cache."""
        return tuple(meta.get("cached_share", 0.0) for meta in self.meta)

    @property
    def outcomes(self) -> tuple[int, ...]:
        """How many graded outcomes each strategy's learnt from."""
        return tuple(int(meta.get("figures", {}).get("outcomes", 0)) for meta in self.meta)

    @property
    def prompt_shares(self) -> tuple[PromptShares, ...]:
        """How much of what prompts may hold each strategy's will hold; all of it where nothing was learnt."""
        return tuple(map(read_prompt_shares, self.meta))


def load_predictors(
    session: Session, *, strategy_ids: Sequence[int], names: Sequence[str], encoder: str
) -> LoadedPredictors:
    """The champions for this encoder; UntrainedStrategies names those without one and the remedy.

    A champion whose artefact is damaged is refused, and the latest sound version before it serves; where there is none,
    the latest that served and was taken back.
    """
    champions = read_champions(session, strategy_ids=strategy_ids, encoder=encoder)
    missing = [name for name, strategy_id in zip(names, strategy_ids, strict=True) if strategy_id not in champions]
    if missing:
        raise UntrainedStrategies(
            f"no predictor for {', '.join(missing)} (encoder {encoder}): run `apportion calibrate` with a graded "
            "calibration file, then `apportion train`; or `apportion probe` for a strategy that joins others"
        )
    loaded = [_load_sound(session, champions[strategy_id], strategy_id=strategy_id) for strategy_id in strategy_ids]
    version_ids = tuple(own.version.id for own in loaded)
    return LoadedPredictors(
        stack=PredictorStack([own.pair for own in loaded]),
        version_ids=version_ids,
        meta=tuple(own.version.meta for own in loaded),
        standing=read_standing(session, strategy_ids=strategy_ids, version_ids=version_ids),
        drift=read_known_drift(session, version_ids=version_ids),
    )


def promote_by_hand(session: Session, *, tenant_id: str, predictor_id: int, person: str) -> PredictorVersion:
    """The version, which serves from now on; NoSuchRow, PredictorArtefactError where it can not: what serves stays.

    Who asked for it, and when, is kept with the version and with the one that makes way.
    """
    version = read_version(session, tenant_id=tenant_id, predictor_id=predictor_id)
    try:
        load_pair(read_artefact(session, predictor_id=predictor_id), encoder=version.encoder)
    except PredictorArtefactError as error:
        raise PredictorArtefactError(
            f"predictor {predictor_id}, version {version.version}, can not serve: {error}"
        ) from error
    before = lock_champion(session, tenant_id=tenant_id, spec_hash=version.spec_hash, encoder=version.encoder)
    for changed in {predictor_id, predictor_id if before is None else before}:
        _note_choice(session, predictor_id=changed, chosen=version, person=person)
    return promote(session, tenant_id=tenant_id, predictor_id=predictor_id)


def _note_choice(session: Session, *, predictor_id: int, chosen: PredictorVersion, person: str) -> None:
    earlier = read_report(session, predictor_id=predictor_id).report.get("by_hand", [])
    choice = {
        "at": read_clock(session).isoformat(),
        "by": person,
        "version": chosen.version,  # that serves from then on
        "serves": predictor_id == chosen.id,
    }
    amend_report(session, predictor_id=predictor_id, parts={"by_hand": [*earlier, choice]})


def find_sound(session: Session, champion: StoredPredictor, *, strategy_id: int) -> StoredPredictor | None:
    """What serves of a strategy: the champion, or the sound version in its place; None where there is none."""
    try:
        return _load_sound(session, champion, strategy_id=strategy_id).version
    except UntrainedStrategies:
        return None


class _Loaded(NamedTuple):
    version: StoredPredictor
    pair: FoldedPair


def _load_sound(session: Session, champion: StoredPredictor, *, strategy_id: int) -> _Loaded:
    """The champion, or where its artefact can not be used, the version that is next to serve and whose artefact can."""
    version, refused = champion, list[int]()
    while True:
        try:
            return _load(version)
        except PredictorArtefactError as error:
            refused.append(version.id)
            stand_in = find_stand_in(session, champion, strategy_id=strategy_id, refused=refused)
            if stand_in is None:
                raise UntrainedStrategies(str(error)) from error
            logger.warning(
                "predictor %d of strategy %s, version %d is refused, version %d is tried instead: %s",
                version.id,
                read_strategies(session, strategy_ids=[strategy_id])[0].name,
                version.version,
                stand_in.version,
                error,
            )
            version = stand_in


def _load(version: StoredPredictor) -> _Loaded:
    return _Loaded(version, load_pair(version.artefact, encoder=version.encoder).pair)
