"""The reference programme: exact on whole numbers, within the true budget on all others."""

import itertools
import math
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from router import Allocation, allocate
from router.cell_check import check_instance
from router.dynamic_programme import solve_by_steps
from router.errors import InfeasibleBudget, InvalidAllocationInput

Cells = NDArray[np.float64]


class Pool(NamedTuple):
    """Arrays (tasks, strategies)."""

    accuracy: Cells
    cost: Cells

    def solve(self, budget: float, steps: int) -> Allocation:
        """By the programme under test."""
        return solve_by_steps(check_instance(self.accuracy, self.cost), budget, steps)

    def find_best(self, budget: float) -> float:
        """The accuracy of the best of all choices."""
        tasks, strategies = self.accuracy.shape
        choices = np.array(list(itertools.product(range(strategies), repeat=tasks)))
        costs = self.cost[np.arange(tasks), choices].sum(axis=1)
        return float(self.accuracy[np.arange(tasks), choices].sum(axis=1)[costs <= budget].max())


@st.composite
def make_pools(draw: st.DrawFn) -> Pool:
    """Whole costs, ties, zero costs, forbidden cells."""
    tasks, strategies = draw(st.integers(1, 6)), draw(st.integers(1, 4))
    cells = tasks * strategies
    accuracy = np.array(draw(st.lists(st.integers(0, 40), min_size=cells, max_size=cells)), float) / 32
    cost = np.array(draw(st.lists(st.integers(0, 60), min_size=cells, max_size=cells)), float)
    accuracy, cost = accuracy.reshape(tasks, strategies), cost.reshape(tasks, strategies)
    for task in draw(st.sets(st.integers(0, tasks - 1), max_size=2)):
        cost[task, 1:] = math.inf
    return Pool(accuracy, cost)


@settings(max_examples=300)
@given(make_pools(), st.integers(0, 200))
def test_whole_costs_are_solved_to_the_optimum(pool: Pool, more: int) -> None:
    budget = float(np.where(np.isfinite(pool.cost), pool.cost, np.inf).min(axis=1).sum()) + more
    allocation = pool.solve(budget, max(more, 1))
    assert allocation.cost <= budget
    assert allocation.accuracy == pytest.approx(pool.find_best(budget), abs=1e-12)
    assert allocation.upper_bound >= allocation.accuracy
    assert allocation.proven


@settings(max_examples=200)
@given(make_pools(), st.floats(0, 200), st.integers(1, 50), st.sampled_from([0.1, 1e-9, 1e11 / 3]))
def test_the_true_budget_is_never_exceeded(pool: Pool, more: float, steps: int, unit: float) -> None:
    cost = pool.cost * unit
    budget = float(np.where(np.isfinite(cost), cost, np.inf).min(axis=1).cumsum()[-1]) + more * unit
    budget = max(budget, float(np.where(np.isfinite(cost), cost, np.inf).min(axis=1).sum()))
    allocation = Pool(pool.accuracy, cost).solve(budget, steps)
    chosen = cost[np.arange(len(cost)), allocation.choice]
    assert max(chosen.sum(), sum(chosen.tolist())) == allocation.cost <= budget
    best = Pool(pool.accuracy, cost).find_best(budget)
    assert allocation.accuracy <= best + 1e-12
    assert allocation.upper_bound >= best - 1e-12
    assert allocation.gap == pytest.approx(allocation.upper_bound - allocation.accuracy, abs=1e-12)


def test_more_steps_come_closer_to_the_exact_allocation() -> None:
    rng = np.random.default_rng(3)
    pool = Pool(rng.random((40, 5)), rng.lognormal(0, 1, (40, 5)))
    budget = float(pool.cost.min(axis=1).sum()) * 1.5
    best = allocate(*pool, budget).accuracy
    short = [best - pool.solve(budget, steps).accuracy for steps in (20, 200, 5000)]
    assert short[0] > short[1] > short[2] >= -1e-12
    assert short[2] < 0.01


def test_steps_that_fit_and_a_sum_that_rounds_past_the_budget_are_not_taken() -> None:
    cost = np.array([[0.5, 0.8], [0.5, 0.6], [0.1, 0.4], [0.1, 0.6], [0.5, 0.6]])  # five tenths go past 1.8 by an ulp
    allocation = Pool(np.tile([0.0, 1.0], (5, 1)), cost).solve(1.8, 10)
    assert cost[np.arange(5), allocation.choice].sum() <= 1.8
    assert allocation.cost <= 1.8


@pytest.mark.parametrize(("budget", "steps", "dear"), [(3.0, 3, 3.4), (3.5, 3, math.nextafter(3.5, 4.0))])
def test_what_is_a_little_too_dear_is_no_obstacle(budget: float, steps: int, dear: float) -> None:
    """In as many steps as what fits, it would be preferred to that, and then not fit the true budget."""
    pool = Pool(np.array([[0.0, 0.9, 1.0]]), np.array([[0.0, budget, dear]]))
    assert pool.solve(budget, steps).choice.tolist() == [1]


@pytest.mark.parametrize(("budget", "steps"), [(2.1, 7), (1.1, 15)])
def test_what_costs_the_whole_budget_fits(budget: float, steps: int) -> None:
    """Divided by a step, the budget rounds to more than all steps."""
    assert budget / (budget / steps) > steps
    allocation = Pool(np.array([[0.0, 0.9, 1.0]]), np.array([[0.0, budget, 9.0]])).solve(budget, steps)
    assert allocation.choice.tolist() == [1]


def test_of_a_budget_next_to_nothing_the_steps_are_small() -> None:
    assert Pool(np.array([[0.0, 1.0]]), np.array([[0.0, 0.1]])).solve(2e-309, 4).choice.tolist() == [0]


@pytest.mark.parametrize(
    ("accuracy", "cost", "budget", "steps"),
    [
        pytest.param([0.5, 0.5], [1.5, 1.5], 3.0, 3, id="whole steps, no whole costs"),
        pytest.param([1.0, 0.375, 0.75, 0.25, 0.75], [0.4, 0.2, 0.8, 0.4, 0.8], 1.8, 18, id="all in tenths"),
    ],
)
def test_rounded_costs_prove_nothing(accuracy: list[float], cost: list[float], budget: float, steps: int) -> None:
    """The programme misses the best choice, and says by how much at most."""
    nothing, too_dear = np.zeros(len(cost)), np.full(len(cost), 9.0)
    pool = Pool(np.stack([nothing, accuracy, accuracy], axis=1), np.stack([nothing, cost, too_dear], axis=1))
    allocation, best = pool.solve(budget, steps), pool.find_best(budget)
    assert allocation.accuracy < best <= allocation.upper_bound
    assert not allocation.proven


def test_half_steps_and_weights_count() -> None:
    accuracy, cost = np.array([[0.0, 0.5], [0.0, 0.4]]), np.array([[1.0, 2.0], [1.0, 2.0]])
    weighted = solve_by_steps(check_instance(accuracy, cost, [1, 2]), 3.0, 2)
    assert weighted.choice.tolist() == [0, 1]
    assert Pool(accuracy, cost).solve(3.0, 1).choice.tolist() == [1, 0]


def test_what_can_not_be_is_named() -> None:
    pool = Pool(np.array([[0.5]]), np.array([[2.0]]))
    with pytest.raises(InfeasibleBudget) as caught:
        pool.solve(1.0, 10)
    assert caught.value.smallest_feasible == 2.0
    with pytest.raises(InvalidAllocationInput, match="steps is 0"):
        pool.solve(3.0, 0)
    empty = Pool(np.zeros((0, 2)), np.zeros((0, 2)))
    assert empty.solve(1.0, 5).accuracy == 0.0
