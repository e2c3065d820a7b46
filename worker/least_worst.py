"""The least that each task can cost at its worst: what a budget keeps free for it until it is started."""

import numpy as np
from numpy.typing import NDArray

from db.predictions import Predictions
from worker.prediction_rows import find_servable


def find_least_worst(predictions: Predictions) -> NDArray[np.float64]:
    """(tasks,) quanta; 0 for a task that no strategy can serve."""
    least = np.zeros(len(predictions.worst_cost))
    servable = find_servable(predictions)
    least[servable] = np.nanmin(predictions.worst_cost[servable], axis=1)
    return least


def sum_least(least: NDArray[np.float64]) -> int:
    """Their exact sum: a float sum may fall below its own parts."""
    return sum(map(int, least.tolist()))
