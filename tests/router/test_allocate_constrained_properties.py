"""Allocation within several constraints, against every choice there is, and against HiGHS."""

import itertools
import math
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from router import Constraints, Resource, Tenants, allocate_constrained
from router.errors import InfeasibleBudget, InfeasibleConstraints

Cells = NDArray[np.float64]


class Problem(NamedTuple):
    """Small enough to try everything; whole numbers times powers of two, so that sums are exact in any order."""

    accuracy: Cells
    cost: Cells
    budget: float
    constraints: Constraints

    def feasible_values(self) -> Cells:
        """The accuracy of every choice within all constraints."""
        tasks, strategies = self.accuracy.shape
        choices = np.array(list(itertools.product(range(strategies), repeat=tasks)))
        each = np.arange(tasks)
        accuracies, costs = self.accuracy[each, choices], self.cost[each, choices]
        fits = np.isfinite(accuracies).all(axis=1) & np.isfinite(costs).all(axis=1) & (costs.sum(axis=1) <= self.budget)
        parts = self.constraints
        if parts.minimum_accuracy is not None:
            fits &= (accuracies >= np.asarray(parts.minimum_accuracy)).all(axis=1)
        for strategy in range(strategies):
            chosen = choices == strategy
            if parts.capacity is not None:
                fits &= chosen.sum(axis=1) <= np.asarray(parts.capacity)[strategy]
            for resource in parts.resources:
                use = np.broadcast_to(np.asarray(resource.use), self.cost.shape)[each, choices]
                counted = use if np.ndim(resource.limit) == 0 else np.where(chosen, use, 0.0)
                fits &= counted.sum(axis=1) <= np.broadcast_to(np.asarray(resource.limit), strategies)[strategy]
        if parts.tenants is not None:
            for tenant, cap in enumerate(np.asarray(parts.tenants.budget)):
                fits &= costs[:, np.asarray(parts.tenants.tenant) == tenant].sum(axis=1) <= cap
        return accuracies.sum(axis=1)[fits]


@st.composite
def make_problems(draw: st.DrawFn) -> Problem:
    """Ties, zero costs and uses, forbidden cells, all kinds of constraints, some of them out of reach."""
    tasks, strategies = draw(st.integers(1, 6)), draw(st.integers(1, 4))
    shape = (tasks, strategies)
    unit = draw(st.sampled_from([2.0**-30, 1.0, 2.0**43]))

    def draw_cells(most: int, shape: tuple[int, ...] = shape) -> Cells:
        size = math.prod(shape)
        return np.array(draw(st.lists(st.integers(0, most), min_size=size, max_size=size)), float).reshape(shape)

    accuracy, cost = draw_cells(40) / 32, draw_cells(60) * unit
    for task in draw(st.sets(st.integers(0, tasks - 1), max_size=2)):
        cost[task, np.arange(strategies) != draw(st.integers(0, strategies - 1))] = math.nan
    budget = float(draw(st.integers(0, 60 * tasks))) * unit
    resources = []
    for name in draw(st.sampled_from([(), ("GPU-seconds",), ("GPU-seconds", "tokens")])):
        use = draw_cells(20, shape if draw(st.booleans()) else (strategies,))
        limit = draw_cells(20 * tasks, () if draw(st.booleans()) else (strategies,))
        resources.append(Resource(name=name, use=use, limit=limit))
    tenant = np.array(draw(st.lists(st.integers(0, 1), min_size=tasks, max_size=tasks)))
    return Problem(
        accuracy,
        cost,
        budget,
        Constraints(
            minimum_accuracy=draw(st.sampled_from([None, 0.25])),
            capacity=draw_cells(tasks, (strategies,)) if draw(st.booleans()) else None,
            resources=tuple(resources),
            tenants=Tenants(tenant=tenant, budget=draw_cells(40 * tasks, (2,)) * unit) if draw(st.booleans()) else None,
        ),
    )


@settings(max_examples=1000, deadline=None)
@given(make_problems())
def test_the_value_is_that_of_the_best_feasible_choice(problem: Problem) -> None:
    values = problem.feasible_values()
    try:
        allocation = allocate_constrained(*problem)
    except InfeasibleBudget:
        assert not len(values)
        return
    except InfeasibleConstraints as error:
        assert not len(values)
        assert error.proven
        return
    one_choice = allocation.choice[np.newaxis]
    assert len(values)
    assert allocation.proven
    assert allocation.accuracy == pytest.approx(values.max(), rel=1e-11, abs=1e-11)
    assert allocation.upper_bound >= values.max() - 1e-11
    assert one_choice.shape == (1, len(problem.cost))
