"""Two strategies, one of them drawn at random for each task."""

from typing import NamedTuple

import numpy as np

from router.baselines.single_strategy import StrategyTotals, find_best_single


class Mixture(NamedTuple):
    """A draw between two strategies, and what to expect of it."""

    first: int
    second: int
    second_share: float  # the probability of the second
    accuracy: float
    cost: float


def find_best_mixture(totals: StrategyTotals, budget: float) -> Mixture | None:
    """The most accurate pair at the share that spends the budget in expectation; None when no strategy fits it.

    A single strategy counts as a pair of itself.
    """
    single = find_best_single(totals, budget)
    if single is None:
        return None
    alone = Mixture(single, single, 0.0, float(totals.accuracy[single]), float(totals.cost[single]))
    cheap, dear = np.flatnonzero(totals.cost <= budget), np.flatnonzero(totals.cost > budget)
    pairs = [_mix(totals, int(first), int(second), budget) for first in cheap for second in dear]
    return max([alone, *pairs], key=lambda mixture: mixture.accuracy)


def _mix(totals: StrategyTotals, first: int, second: int, budget: float) -> Mixture:
    share = float((budget - totals.cost[first]) / (totals.cost[second] - totals.cost[first]))
    accuracy = (1 - share) * totals.accuracy[first] + share * totals.accuracy[second]
    return Mixture(first, second, share, float(accuracy), budget)
