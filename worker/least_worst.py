"""The least that each task can cost at its worst: what a budget keeps free for it until it is started."""

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from db.predictions import Predictions, iterate_prediction_blocks
from db.twins import read_leaders
from worker.prediction_rows import find_servable


def find_least_worst(predictions: Predictions) -> NDArray[np.float64]:
    """(tasks,) quanta; 0 for a task that no strategy can serve."""
    least = np.zeros(len(predictions.worst_cost))
    servable = find_servable(predictions)
    least[servable] = np.nanmin(predictions.worst_cost[servable], axis=1)
    return least


def read_least(session: Session, *, job_id: int) -> NDArray[np.float64]:
    """(tasks,) quanta for a stored job; 0 for a twin, which is never started."""
    blocks = iterate_prediction_blocks(session, job_id=job_id)
    least: NDArray[np.float64] = np.concatenate(
        [np.empty(0), *(find_least_worst(block.predictions) for block in blocks)]
    )
    least[list(read_leaders(session, job_id=job_id))] = 0.0
    return least


def sum_least(least: NDArray[np.float64]) -> int:
    """Their exact sum: a float sum may fall below its own parts."""
    return sum(map(int, least.tolist()))
