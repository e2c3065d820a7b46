"""One strategy for every task."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from router.instance import Floats


class StrategyTotals(NamedTuple):
    """What each strategy reaches and costs when it alone answers; a task it is not allowed for counts as unanswered."""

    accuracy: Floats  # (strategies,)
    cost: Floats  # (strategies,)


def sum_by_strategy(accuracy: ArrayLike, cost: ArrayLike) -> StrategyTotals:
    """Totals over the tasks for arrays (tasks, strategies), predicted or observed."""
    accuracies, costs = np.asarray(accuracy, dtype=np.float64), np.asarray(cost, dtype=np.float64)
    allowed = np.isfinite(accuracies) & np.isfinite(costs)
    return StrategyTotals(
        accuracy=np.where(allowed, accuracies, 0.0).sum(axis=0), cost=np.where(allowed, costs, 0.0).sum(axis=0)
    )


def find_best_single(totals: StrategyTotals, budget: float) -> int | None:
    """The most accurate strategy that fits the budget alone, the cheapest of equals; None when none fits."""
    fitting = np.flatnonzero(totals.cost <= budget)
    order = np.lexsort((totals.cost[fitting], -totals.accuracy[fitting]))
    return int(fitting[order[0]]) if len(fitting) else None
