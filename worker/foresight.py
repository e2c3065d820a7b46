"""What is predicted for tasks before any of them is asked: encoded, counted and priced."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from db.predictions import Predictions
from router.units import Unit
from worker.forecast import measure_demand, predict
from worker.pool import ServingPool
from worker.predictors import LoadedPredictors
from worker.progress import Progress, Stage, Watch
from worker.task_encoder import TaskEncoder
from worker.task_line import TaskLine


@dataclass(frozen=True, kw_only=True, eq=False)
class Foresight:
    """The predictions of all tasks, and what making them took."""

    predictions: Predictions
    expected: Predictions  # the same as they are to be taken now, of strategies that tasks can be routed to
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
) -> Foresight:
    """Accuracy and cost of every pair of a task and a strategy of the pool, by these predictors."""
    started = time.monotonic()
    embeddings = encoder.encode(
        [line.embedded_text for line in lines],
        progress=lambda done, total: watch(Progress(stage=Stage.ENCODING, done=done, total=total)),
    )
    encoded = time.monotonic()
    watch(Progress(stage=Stage.PLANNING))
    predictions = predict(
        measure_demand(lines, pool.strategies),
        embeddings,
        strategies=pool.strategies,
        stack=predictors.stack,
        unit=unit,
        cached_shares=predictors.cached_shares,
        later_shares=predictors.later_shares,
    )
    standing = predictors.standing
    expected = standing.keep_in_service(standing.correct(predictions))
    return Foresight(predictions=predictions, expected=expected, encoding_seconds=encoded - started, encoded=encoded)
