"""Allocation within several constraints, against every choice there is, and against HiGHS."""

import itertools
import math
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from router import ConstrainedAllocation, Constraints, Resource, Tenants, allocate
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
        return np.asarray(accuracies.sum(axis=1)[fits])


@st.composite
def make_problems(draw: st.DrawFn) -> Problem:
    """Ties, zero costs and uses, forbidden cells, all kinds of constraints, each near what one hidden choice uses."""
    tasks, strategies = draw(st.integers(1, 6)), draw(st.integers(2, 4))
    shape, each = (tasks, strategies), np.arange(tasks)
    unit = draw(st.sampled_from([2.0**-30, 1.0, 2.0**43]))
    hidden = np.array(draw(st.lists(st.integers(0, strategies - 1), min_size=tasks, max_size=tasks)))
    tenant = np.array(draw(st.lists(st.integers(0, 1), min_size=tasks, max_size=tasks)))
    short = draw(st.sampled_from([0, 0, 0, 2]))

    def draw_cells(most: int, shape: tuple[int, ...] = shape) -> Cells:
        size = math.prod(shape)
        return np.array(draw(st.lists(st.integers(0, most), min_size=size, max_size=size)), float).reshape(shape)

    def draw_limits(used: NDArray[Any]) -> Cells:
        return np.maximum(used.astype(float) + draw_cells(6, used.shape) - short, 0.0)

    accuracy, cost = draw_cells(40) / 32, draw_cells(60)
    for task in draw(st.sets(st.integers(0, tasks - 1), max_size=1)):
        cost[task, np.arange(strategies) != hidden[task]] = math.nan
    budget = float(draw_limits(cost[each, hidden].sum(keepdims=True))[0])
    resources = []
    for name in draw(st.sampled_from([(), ("GPU-seconds",), ("GPU-seconds", "tokens")])):
        use = draw_cells(20, shape if draw(st.booleans()) else (strategies,))
        used = np.bincount(hidden, np.broadcast_to(use, shape)[each, hidden], minlength=strategies)
        limit = draw_limits(used if draw(st.booleans()) else used.sum(keepdims=True)[0])
        resources.append(Resource(name=name, use=use, limit=limit))
    counts = np.bincount(hidden, minlength=strategies).astype(float)
    caps = np.bincount(tenant, cost[each, hidden], minlength=2)
    return Problem(
        accuracy,
        cost * unit,
        budget * unit,
        Constraints(
            minimum_accuracy=draw(st.sampled_from([None, None, 0.25])),
            capacity=np.maximum(counts + draw_cells(1, counts.shape), 0) if draw(st.booleans()) else None,
            resources=tuple(resources),
            tenants=Tenants(tenant=tenant, budget=draw_limits(caps) * unit) if draw(st.booleans()) else None,
        ),
    )


def check_limits(problem: Problem, choice: NDArray[np.int64]) -> None:
    """Nothing that NumPy or a loop sums is above its limit."""
    parts, each = problem.constraints, np.arange(len(choice))
    costs = problem.cost[each, choice]
    assert max(costs.sum(), sum(costs.tolist())) <= problem.budget
    assert np.isfinite(problem.accuracy[each, choice]).all()
    if parts.minimum_accuracy is not None:
        assert (problem.accuracy[each, choice] >= np.asarray(parts.minimum_accuracy)).all()
    for strategy in range(problem.cost.shape[1]):
        chosen = choice == strategy
        if parts.capacity is not None:
            assert chosen.sum() <= np.asarray(parts.capacity)[strategy]
        for resource in parts.resources:
            used = np.broadcast_to(np.asarray(resource.use), problem.cost.shape)[each, choice]
            counted = used if np.ndim(resource.limit) == 0 else used[chosen]
            limit = np.broadcast_to(np.asarray(resource.limit), problem.cost.shape[1:])[strategy]
            assert max(counted.sum(), sum(counted.tolist())) <= limit
    if parts.tenants is not None:
        for tenant, cap in enumerate(np.asarray(parts.tenants.budget)):
            spent = costs[np.asarray(parts.tenants.tenant) == tenant]
            assert max(spent.sum(), sum(spent.tolist())) <= cap


def solve(problem: Problem, weight: list[float] | None = None) -> ConstrainedAllocation:
    return allocate(problem.accuracy, problem.cost, problem.budget, constraints=problem.constraints, weight=weight)


@settings(max_examples=600)
@given(make_problems())
def test_the_value_is_that_of_the_best_feasible_choice(problem: Problem) -> None:
    values = problem.feasible_values()
    if not len(values):
        with pytest.raises((InfeasibleBudget, InfeasibleConstraints)) as caught:
            solve(problem)
        assert getattr(caught.value, "proven", True)
        return
    allocation = solve(problem)
    check_limits(problem, allocation.choice)
    assert allocation.proven
    assert allocation.accuracy == pytest.approx(values.max(), rel=1e-11, abs=1e-11)
    assert allocation.upper_bound >= values.max() - 1e-11


TENANT_WITHOUT_TASKS = Problem(  # whose budget of 0 has a price that nothing decides
    np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.03125]]),
    np.array([[2.0**-30, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]),
    2.0**-30,
    Constraints(
        resources=(
            Resource(name="GPU-seconds", use=np.array([[0.0, 1.0, 0.0], [0.0] * 3, [0.0] * 3]), limit=0.0),
            Resource(name="tokens", use=np.array([[0.0, 0.0, 1.0], [0.0] * 3, [0.0, 0.0, 1.0]]), limit=1.0),
        ),
        tenants=Tenants(tenant=np.array([0, 0, 0]), budget=np.array([2.0**-30, 0.0])),
    ),
)


@settings(max_examples=100)
@example(TENANT_WITHOUT_TASKS, 2.0**-20)
@given(make_problems(), st.sampled_from([2.0**-20, 4.0, 2.0**30]))
def test_scale_changes_nothing(problem: Problem, factor: float) -> None:
    if not len(problem.feasible_values()):
        return
    plain = solve(problem)
    finer = solve(problem, weight=[factor] * len(problem.cost))
    assert plain.choice.tolist() == finer.choice.tolist()
    assert plain.shadow_price * factor == finer.shadow_price
    tenants, resources = problem.constraints.tenants, problem.constraints.resources
    dearer = allocate(
        problem.accuracy,
        problem.cost * factor,
        problem.budget * factor,
        constraints=replace(
            problem.constraints,
            tenants=tenants and replace(tenants, budget=np.asarray(tenants.budget) * factor),
            resources=tuple(
                replace(one, use=np.asarray(one.use) * factor, limit=np.asarray(one.limit) * factor)
                for one in resources
            ),
        ),
    )
    assert plain.choice.tolist() == dearer.choice.tolist()
    assert plain.tenant_price.tolist() == (dearer.tenant_price * factor).tolist()


def make_pool(tasks: int, strategies: int, seed: int) -> Problem:
    """Real-valued costs over 100x, and limits that bind at the best allocation within the budget alone."""
    rng = np.random.default_rng(seed)
    scale = np.geomspace(1, 100, strategies)
    cost = 1e11 * scale * rng.lognormal(0, 0.4, (tasks, strategies))
    skill = rng.normal(0, 1.5, (tasks, 1)) + 0.4 * np.log(scale) + rng.normal(0, 0.7, (tasks, strategies))
    accuracy = 1 / (1 + np.exp(-skill))
    budget = float(cost.min(axis=1).sum() + 0.2 * (cost.max(axis=1).sum() - cost.min(axis=1).sum()))
    each, free = np.arange(tasks), allocate(accuracy, cost, budget).choice
    seconds = np.geomspace(0.1, 5, strategies) * rng.lognormal(0, 0.5, (tasks, strategies))
    counts, used = np.bincount(free, minlength=strategies), np.bincount(free, seconds[each, free], minlength=strategies)
    tenant = rng.integers(0, 3, tasks)
    spent = np.bincount(tenant, cost[each, free], minlength=3)
    return Problem(
        accuracy,
        cost,
        budget,
        Constraints(
            capacity=np.floor(np.where(counts > tasks / strategies, 0.8 * counts, 1.5 * counts + tasks / strategies)),
            resources=(
                Resource(name="GPU-seconds", use=seconds, limit=np.where(used > used.mean(), 0.8, 2) * used + 1),
            ),
            tenants=Tenants(tenant=tenant, budget=spent * np.array([0.8, 1.1, 1.2])),
        ),
    )


def list_rows(problem: Problem) -> tuple[csr_array, Cells]:
    """All limits as rows over the cells."""
    tasks, strategies = problem.cost.shape
    capacity, resource, tenants = (
        problem.constraints.capacity,
        problem.constraints.resources[0],
        problem.constraints.tenants,
    )
    assert tenants is not None
    one_each = np.tile(np.eye(strategies), (1, tasks))
    by_tenant = (np.asarray(tenants.tenant) == np.arange(3)[:, np.newaxis]).repeat(strategies, axis=1)
    rows = [problem.cost.reshape(1, -1), one_each, one_each * np.ravel(resource.use), by_tenant * problem.cost.ravel()]
    limits = [[problem.budget], capacity, resource.limit, tenants.budget]
    return csr_array(np.vstack(rows)), np.concatenate([np.asarray(limit, dtype=float) for limit in limits])


@pytest.mark.parametrize("tasks", [12, 60, 100])
def test_the_bound_holds_and_the_gap_is_honest_beside_highs(tasks: int) -> None:
    for seed in range(2):
        problem = make_pool(tasks, 4, seed)
        matrix, limits = list_rows(problem)
        one_each = csr_array(np.repeat(np.eye(tasks), 4, axis=1))
        best = milp(
            -problem.accuracy.ravel(),
            integrality=np.ones(problem.cost.size),
            bounds=Bounds(0, 1),
            constraints=[
                LinearConstraint(csr_array(matrix / limits[:, np.newaxis]), -np.inf, 1),
                LinearConstraint(one_each, 1, 1),
            ],
            options={"time_limit": 10.0, "mip_rel_gap": 1e-9},
        )
        allocation = solve(problem)
        check_limits(problem, allocation.choice)
        assert allocation.upper_bound >= -best.fun - 1e-6
        assert allocation.accuracy <= -best.mip_dual_bound + 1e-6
        assert allocation.accuracy >= -best.fun - 0.5
        assert allocation.gap == pytest.approx(allocation.upper_bound - allocation.accuracy)


def test_many_tasks_come_within_the_limits_with_a_small_gap_the_same_each_time() -> None:
    problem = make_pool(20_000, 5, 0)
    allocation = solve(problem)
    check_limits(problem, allocation.choice)
    assert 0 <= allocation.gap <= 1e-5 * allocation.accuracy
    again = solve(problem._replace(accuracy=problem.accuracy.copy(), cost=problem.cost.copy()))
    assert (again.choice == allocation.choice).all()
    matrix, limits = list_rows(problem)
    chosen = np.zeros(problem.cost.shape)
    chosen[np.arange(20_000), allocation.choice] = 1
    prices = np.concatenate(
        [[allocation.shadow_price], allocation.capacity_price, *allocation.resource_price, allocation.tenant_price]
    )
    reduced = problem.accuracy - (matrix.T @ prices).reshape(problem.cost.shape)
    assert allocation.upper_bound == pytest.approx(reduced.max(axis=1).sum() + prices @ limits, rel=1e-9)
    assert (matrix @ chosen.ravel() >= (1 - 1e-3) * limits)[prices * limits > 1].all()  # what has a price is used up


def test_many_tasks_with_one_allowed_strategy_each_keep_it() -> None:
    problem = make_pool(20_000, 5, 1)
    fixed = np.arange(20_000) % 10 > 0
    chosen = allocate(problem.accuracy, problem.cost, problem.budget).choice
    problem.accuracy[fixed[:, np.newaxis] & (np.arange(5) != chosen[:, np.newaxis])] = math.nan
    capacity = np.bincount(chosen, minlength=5) * np.array([1.2, 1.2, 1.2, 1.0, 0.95])
    constraints = replace(problem.constraints, capacity=capacity, resources=(), tenants=None)
    allocation = solve(problem._replace(constraints=constraints))
    assert (allocation.choice[fixed] == chosen[fixed]).all()
    assert (np.bincount(allocation.choice, minlength=5) <= capacity).all()
    assert 0 <= allocation.gap <= 1e-4 * allocation.accuracy
