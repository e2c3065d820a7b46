"""The predictors of a pool that are on trial, loaded from the database beside those that serve."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from db.predictions import Predictions
from db.predictors import read_on_trial
from db.trials import find_trial_of
from router.artefact import load_pair
from router.errors import PredictorArtefactError
from router.stack import PredictorStack
from worker.predictors import LoadedPredictors

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, eq=False)
class Challengers:
    """Those strategies' predictors that are tried together."""

    trial_id: int
    columns: tuple[int, ...]  # of the pool's strategies
    predictors: LoadedPredictors  # of these alone


@dataclass(frozen=True, kw_only=True, eq=False)
class Tried:
    """What challengers predict for tasks, with a column for each of theirs."""

    trial_id: int
    columns: tuple[int, ...]  # of the pool's strategies
    predictions: Predictions


def load_challengers(session: Session, *, strategy_ids: Sequence[int], encoder: str) -> Challengers | None:
    """What is on trial of these strategies; None where nothing is, or where it can not be loaded."""
    tried = read_on_trial(session, strategy_ids=strategy_ids, encoder=encoder)
    columns = tuple(column for column, strategy_id in enumerate(strategy_ids) if strategy_id in tried)
    if not columns:
        return None
    versions = [tried[strategy_ids[column]] for column in columns]
    trial = find_trial_of(session, predictor_id=versions[0].id)
    try:
        stack = PredictorStack([load_pair(version.artefact, encoder=encoder).pair for version in versions])
    except PredictorArtefactError as error:
        logger.warning("nothing is tried: %s", error)
        return None
    if trial is None:
        return None
    return Challengers(
        trial_id=trial.id,
        columns=columns,
        predictors=LoadedPredictors(
            stack=stack,
            version_ids=tuple(version.id for version in versions),
            meta=tuple(version.meta for version in versions),
        ),
    )
