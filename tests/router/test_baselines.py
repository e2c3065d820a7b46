"""What a router has to beat."""

import math

import numpy as np
import pytest

from router import frontier
from router.baselines.random_mixture import find_best_mixture
from router.baselines.single_strategy import StrategyTotals, find_best_single, sum_by_strategy


def test_totals_count_a_forbidden_task_as_unanswered() -> None:
    totals = sum_by_strategy([[1.0, 0.5], [math.nan, 0.5]], [[2.0, 1.0], [3.0, math.inf]])
    assert totals.accuracy.tolist() == [1.0, 0.5]
    assert totals.cost.tolist() == [2.0, 1.0]


def test_the_best_single_strategy_fits_and_is_the_cheapest_of_equals() -> None:
    totals = StrategyTotals(np.array([3.0, 5.0, 5.0, 9.0]), np.array([1.0, 4.0, 3.0, 10.0]))
    assert [find_best_single(totals, budget) for budget in (0.5, 1.0, 4.0, 10.0)] == [None, 0, 2, 3]


def test_a_mixture_spends_the_budget_in_expectation() -> None:
    totals = StrategyTotals(np.array([2.0, 4.0, 8.0]), np.array([1.0, 2.0, 5.0]))
    assert find_best_mixture(totals, 0.5) is None
    half = find_best_mixture(totals, 3.5)
    assert half is not None
    assert (half.first, half.second, half.second_share, half.accuracy, half.cost) == (1, 2, 0.5, 6.0, 3.5)
    richest = find_best_mixture(totals, 99.0)
    assert richest is not None
    assert (richest.first, richest.second, richest.cost) == (2, 2, 5.0)


@pytest.mark.parametrize("seed", range(20))
def test_the_best_mixture_lies_on_the_hull_of_the_single_strategies(seed: int) -> None:
    rng = np.random.default_rng(seed)
    totals = StrategyTotals(rng.random(6), rng.random(6))
    curve = frontier(totals.accuracy[np.newaxis], totals.cost[np.newaxis])
    for budget in np.linspace(totals.cost.min(), totals.cost.max() * 1.1, 9):
        mixture = find_best_mixture(totals, float(budget))
        assert mixture is not None
        assert mixture.accuracy == pytest.approx(curve.accuracy_at(float(budget)))
