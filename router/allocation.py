"""What an allocation is: a strategy for every task, with its proof."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

DEFERRED = -1  # the choice of a task that gets no strategy under this budget


class Deferral(StrEnum):
    """Which tasks may go without a strategy."""

    SERVE_MOST = (
        "serve-most"  # where the budget does not serve all: as many as possible, then as accurately as possible
    )
    MOST_VALUABLE = "most-valuable"  # whichever makes the total accuracy largest; a deferred task is worth 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Allocation:
    """The chosen strategy of every task, and how far from the best this choice can be."""

    choice: NDArray[np.int64]  # (tasks,) index of the strategy, DEFERRED where there is none
    accuracy: float  # sum of weight * accuracy over the tasks
    cost: float  # sum of cost over the tasks
    upper_bound: float  # no allocation within the budget has a larger accuracy
    gap: float  # upper_bound - accuracy
    shadow_price: float  # accuracy gained per extra quantum of budget
    proven: bool  # whether nothing better exists (up to 1e-12 of the accuracy)
