"""Frontier sketches: what they answer, how far off they may be, and how they add up."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from router import PriceScale, frontier, sketch_frontier
from router.errors import InvalidAllocationInput

SCALE = PriceScale(unit="FLOPs", lowest=1e-6, highest=1e6)


def make_cells(seed: int, tasks: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rng = np.random.default_rng(seed)
    return rng.random((tasks, 5)), rng.lognormal(0, 2, (tasks, 5))


def test_a_sketch_lies_below_the_frontier_by_at_most_its_error() -> None:
    accuracy, cost = make_cells(0, 3000)
    curve, sketch = frontier(accuracy, cost), sketch_frontier(accuracy, cost, SCALE)
    traced = sketch.trace()
    budgets = np.linspace(curve.cost[0], curve.cost[-1], 500).tolist()
    assert sum(sketch.extra_cost > 0) > 1000
    for budget in budgets:
        lower = curve.accuracy_at(budget) - traced.accuracy_at(budget)
        assert -1e-9 <= lower <= sketch.error_at(budget) + 1e-9
        assert sketch.error_at(budget) <= 0.01
    for budget in budgets[1:-1]:
        assert traced.price_at(budget) == pytest.approx(curve.price_at(budget), rel=2 * (SCALE.ratio - 1))
        accuracy_there = traced.accuracy_at(budget)
        assert traced.budget_for(accuracy_there) == pytest.approx(budget)


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.integers(1, 60), st.integers(1, 60), st.floats(0, 1))
def test_sketches_add_up_over_routers(seed: int, here: int, there: int, share: float) -> None:
    accuracy, cost = make_cells(seed, here + there)
    scale = PriceScale(unit="FLOPs", lowest=0.1, highest=10.0)  # many prices lie beyond both ends
    one = sketch_frontier(accuracy[:here], cost[:here], scale)
    other = sketch_frontier(accuracy[here:], cost[here:], scale)
    both, curve = one + other, frontier(accuracy, cost)
    whole = sketch_frontier(accuracy, cost, scale)
    np.testing.assert_allclose(both.extra_cost, whole.extra_cost, rtol=1e-12)
    np.testing.assert_allclose(both.gain, whole.gain, rtol=1e-12)
    budget = float(both.cost + share * (curve.cost[-1] - curve.cost[0]))
    lower = curve.accuracy_at(max(budget, float(curve.cost[0]))) - both.trace().accuracy_at(budget)
    assert -1e-9 <= lower <= both.error_at(budget) + 1e-9
    left = both - other
    assert left.tasks == here
    np.testing.assert_allclose(left.gain, one.gain, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(left.trace().accuracy[-1], one.trace().accuracy[-1])
    nothing = left - one
    assert (nothing.tasks, len(nothing.trace().price)) == (0, 0)


def test_sketches_on_other_scales_do_not_add_up() -> None:
    accuracy, cost = make_cells(1, 5)
    sketch = sketch_frontier(accuracy, cost, SCALE)
    for other in (
        PriceScale(unit="tokens", lowest=1e-6, highest=1e6),
        PriceScale(unit="FLOPs", lowest=1e-7, highest=1e6),
    ):
        with pytest.raises(InvalidAllocationInput, match="make both on one scale"):
            sketch + sketch_frontier(accuracy, cost, other)
    with pytest.raises(InvalidAllocationInput, match="no scale"):
        PriceScale(unit="FLOPs", lowest=0.0, highest=1.0)


def test_a_sketch_of_one_strategy_is_a_point() -> None:
    traced = sketch_frontier([[0.5], [0.25]], [[1.0], [2.0]], SCALE).trace()
    assert (traced.cost.tolist(), traced.accuracy.tolist(), traced.price.tolist()) == ([3.0], [0.75], [])


def test_an_edge_belongs_to_the_steeper_bucket() -> None:
    scale = PriceScale(unit="FLOPs", lowest=0.25, highest=1.0)
    steep, level = (sketch_frontier([[0.0, gain]], [[0.0, 1.0]], scale).gain for gain in (1.0, 0.25))
    assert (steep[0], level[-2], steep.sum(), level.sum()) == (1.0, 0.25, 1.0, 0.25)
