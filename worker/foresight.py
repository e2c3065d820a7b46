"""What is predicted for tasks before any of them is asked: encoded, counted and priced."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from db.predictions import Predictions
from router.drift.outline import outline_tasks, write_outline
from router.units import Unit
from worker.challengers import Challengers, Tried
from worker.forecast import Demand, measure_demand, predict
from worker.pool import PricedStrategy, ServingPool
from worker.predictors import LoadedPredictors
from worker.progress import Progress, Stage, Watch
from worker.task_encoder import TaskEncoder
from worker.task_line import TaskLine


@dataclass(frozen=True, kw_only=True, eq=False)
class Foresight:
    """The predictions of all tasks, and what making them took."""

    predictions: Predictions
    expected: Predictions  # the same as they are to be taken now, of strategies that tasks can be routed to
    tried: Tried | None  # what is on trial predicts; None: nothing is
    outline: bytes | None  # of the tasks; None: they are too few
    encoding_seconds: float
    encoded: float  # on the monotonic clock: what followed is planning


def foresee(
    lines: Sequence[TaskLine],
    *,
    unit: Unit,
    pool: ServingPool,
    predictors: LoadedPredictors,
    encoder: TaskEncoder,
    watch: Watch,
    challengers: Challengers | None = None,
) -> Foresight:
    """Accuracy and cost of every pair of a task and a strategy of the pool, by these predictors."""
    started = time.monotonic()
    embeddings = encoder.encode(
        [line.embedded_text for line in lines],
        progress=lambda done, total: watch(Progress(stage=Stage.ENCODING, done=done, total=total)),
    )
    encoded = time.monotonic()
    watch(Progress(stage=Stage.PLANNING))
    demand = measure_demand(lines, pool.strategies)
    predictions, tried = _predict(demand, embeddings, pool.strategies, predictors=predictors, unit=unit), None
    if challengers is not None:
        strategies = [pool.strategies[column] for column in challengers.columns]
        kept = demand.keep(challengers.columns)
        tried = Tried(
            trial_id=challengers.trial_id,
            columns=challengers.columns,
            predictions=_predict(kept, embeddings, strategies, predictors=challengers.predictors, unit=unit),
        )
    outline = outline_tasks(embeddings)
    standing = replace(predictors.standing, corrections=predictors.drift.correct(outline))
    return Foresight(
        predictions=predictions,
        expected=standing.keep_in_service(standing.correct(predictions)),
        tried=tried,
        outline=None if outline is None else write_outline(outline),
        encoding_seconds=encoded - started,
        encoded=encoded,
    )


def _predict(
    demand: Demand,
    embeddings: NDArray[np.float32],
    strategies: Sequence[PricedStrategy],
    *,
    predictors: LoadedPredictors,
    unit: Unit,
) -> Predictions:
    return predict(
        demand,
        embeddings,
        strategies=strategies,
        stack=predictors.stack,
        unit=unit,
        cached_shares=predictors.cached_shares,
        prompt_shares=predictors.prompt_shares,
    )
