"""The serving predictors of a pool, loaded from the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from db.predictors import read_champions
from router.artefact import load_pair
from router.stack import PredictorStack
from worker.errors import UntrainedStrategies
from worker.job_standing import NOTHING_SAID, Standing, read_standing


@dataclass(frozen=True, kw_only=True, eq=False)
class LoadedPredictors:
    """Every strategy's champion, stacked in the pool's order."""

    stack: PredictorStack
    version_ids: tuple[int, ...]
    meta: tuple[Mapping[str, Any], ...]  # of each: the engines it learnt from, its figures, its cached share
    standing: Standing = NOTHING_SAID

    @property
    def cached_shares(self) -> tuple[float, ...]:
        """Of each strategy, the share of prompt tokens that is expected to be in its engine's cache."""
        return tuple(meta.get("cached_share", 0.0) for meta in self.meta)

    @property
    def later_shares(self) -> tuple[float, ...]:
        """How much of what later prompts may hold each strategy's will hold; all of it where nothing was learnt."""
        return tuple(meta.get("later_prompt_share", 1.0) for meta in self.meta)


def load_predictors(
    session: Session, *, strategy_ids: Sequence[int], names: Sequence[str], encoder: str
) -> LoadedPredictors:
    """The champions for this encoder; UntrainedStrategies names those without one and the remedy."""
    champions = read_champions(session, strategy_ids=strategy_ids, encoder=encoder)
    missing = [name for name, strategy_id in zip(names, strategy_ids, strict=True) if strategy_id not in champions]
    if missing:
        raise UntrainedStrategies(
            f"no predictor for {', '.join(missing)} (encoder {encoder}): run `apportion calibrate` with a graded "
            "calibration file, then `apportion train`; or `apportion probe` for a strategy that joins others"
        )
    stored = [champions[strategy_id] for strategy_id in strategy_ids]
    version_ids = tuple(champion.id for champion in stored)
    return LoadedPredictors(
        stack=PredictorStack([load_pair(champion.artefact, encoder=encoder).pair for champion in stored]),
        version_ids=version_ids,
        meta=tuple(champion.meta for champion in stored),
        standing=read_standing(session, strategy_ids=strategy_ids, version_ids=version_ids),
    )
