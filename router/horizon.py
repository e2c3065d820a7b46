"""What is said of a task beyond all that a strategy has been seen with.

What tells strategies apart among familiar tasks is chance on a kind of task that nobody has seen, and the allocator
buys it. There a stiff line takes over, which keeps how hard a task looks and little else.
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from router.platt import log_odds_of, sigmoid

# A task's squared distance from its nearest clusters, as a share of a known task's from the mean of all of them: from
# the first on its clusters say less of it than the mean does, from the second on only the line is heard.
START, END = 1.0, 1.2
SUREST = 0.99  # a line so far from what it was fitted to is never surer than this
UNBOUNDED = 1e30  # a spread beside which every task is near

FloatArray = NDArray[np.float32]
Real = TypeVar("Real", np.float32, np.float64)


@dataclass(frozen=True, kw_only=True, eq=False)
class Horizon:
    """A line weight . embedding + bias for the accuracy, and the scale of distances at which it takes over."""

    weight: FloatArray  # (d,)
    bias: float
    spread: float  # mean squared distance of the known tasks from their mean


def unbounded_horizon(dimension: int) -> Horizon:
    """For a predictor that says the same of every task, or knows none but its clusters: nothing lies beyond."""
    return Horizon(weight=np.zeros(dimension, dtype=np.float32), bias=0.0, spread=UNBOUNDED)


def measure_spread(tasks: FloatArray) -> float:
    """Mean squared distance of tasks (n, d) from their mean."""
    return float(np.square(tasks - tasks.mean(axis=0)).sum(axis=1).mean()) or UNBOUNDED  # all may be the same text


def fade(
    accuracy: NDArray[Real], line: NDArray[Real], distance: NDArray[np.float32], spread: float | FloatArray
) -> NDArray[Real]:
    """Accuracies as they are where tasks are near, the line's where they are far, log-odds between them on the way."""
    near = np.clip((END - distance / spread) / (END - START), 0, 1).astype(accuracy.dtype)
    beyond = log_odds_of(np.clip(line, 1 - SUREST, SUREST))
    faded = sigmoid(beyond + near * (log_odds_of(accuracy) - beyond))
    return np.asarray(np.where(near < 1, faded, accuracy))
