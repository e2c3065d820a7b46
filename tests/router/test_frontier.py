"""The accuracy/budget curve."""

import numpy as np
import pytest

from router import allocate, frontier
from router.errors import InfeasibleBudget, InfeasibleTarget


def test_breakpoints_of_two_tasks() -> None:
    curve = frontier([[0.0, 0.5, 0.6], [0.1, 0.4, 0.2]], [[1.0, 2.0, 3.0], [1.0, 3.0, 4.0]])
    assert curve.cost.tolist() == [2.0, 3.0, 5.0, 6.0]
    assert curve.accuracy.tolist() == pytest.approx([0.1, 0.6, 0.9, 1.0])
    assert curve.price.tolist() == pytest.approx([0.5, 0.15, 0.1])
    assert curve.accuracy_at(4.0) == pytest.approx(0.75)
    assert curve.budget_for(0.75) == pytest.approx(4.0)
    assert curve.budget_for(0.0) == 2.0
    assert (curve.price_at(2.0), curve.price_at(3.5), curve.price_at(6.0)) == pytest.approx((0.5, 0.15, 0.0))
    assert curve.accuracy_at(1e9) == curve.accuracy[-1]


def test_outside_the_curve_the_end_is_named() -> None:
    curve = frontier([[0.2, 0.9]], [[1.0, 2.0]])
    for ask in (curve.accuracy_at, curve.price_at):
        with pytest.raises(InfeasibleBudget) as budget:
            ask(0.5)
        assert budget.value.smallest_feasible == 1.0
    with pytest.raises(InfeasibleTarget) as target:
        curve.budget_for(0.95)
    assert target.value.best_reachable == 0.9


def test_allocations_stay_within_one_upgrade_of_the_curve() -> None:
    rng = np.random.default_rng(7)
    accuracy, cost = rng.random((2000, 8)), rng.lognormal(25, 1, (2000, 8))
    weight = rng.random(2000)
    curve = frontier(accuracy, cost, weight=weight)
    for share in (0.0, 0.1, 0.5, 0.9, 1.0):
        budget = float(curve.cost[0] + share * (curve.cost[-1] - curve.cost[0]))
        allocation = allocate(accuracy, cost, budget, weight=weight)
        assert curve.accuracy_at(budget) - 1.0 <= allocation.accuracy <= curve.accuracy_at(budget) + 1e-9
        # The last breakpoint's cost is a long sum: at its end a price of 0 and of the last upgrade are both right.
        assert share == 1.0 or allocation.shadow_price == pytest.approx(curve.price_at(budget))


def test_a_single_strategy_has_one_point() -> None:
    curve = frontier([[0.5], [0.25]], [[1.0], [2.0]])
    assert (curve.cost.tolist(), curve.accuracy.tolist(), curve.price.tolist()) == ([3.0], [0.75], [])
    assert curve.price_at(3.0) == 0.0
