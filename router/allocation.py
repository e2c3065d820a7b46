"""What an allocation is: a strategy for every task, with its proof."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

DEFERRED = -1  # the choice of a task that gets no strategy under this budget


class Deferral(StrEnum):
    """Which tasks may go without a strategy when the budget does not serve them all."""

    SERVE_MOST = "serve-most"  # as many tasks as possible are served, then as accurately as possible


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
