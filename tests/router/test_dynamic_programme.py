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


@settings(max_examples=300, deadline=None)
@given(make_pools(), st.integers(0, 200))
def test_whole_costs_are_solved_to_the_optimum(pool: Pool, more: int) -> None:
    budget = float(np.where(np.isfinite(pool.cost), pool.cost, np.inf).min(axis=1).sum()) + more
    allocation = pool.solve(budget, max(more, 1))
    assert allocation.cost <= budget
    assert allocation.accuracy == pytest.approx(pool.find_best(budget), abs=1e-12)
    assert allocation.upper_bound >= allocation.accuracy
    assert allocation.proven


@settings(max_examples=200, deadline=None)
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
