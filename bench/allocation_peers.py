"""The allocator and what it is measured against, each as a function from an instance to an answer.

Peers are imported where they are used: a solver's own process loads no other.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack

from bench.allocation_instances import Instance
from router import Constraints, allocate

STEPS_PER_TASK = 220  # of the published programme: its table for 1,000 tasks then has the published code's 3.5 GB
ACCURACY_SCALE = 10**9  # whole numbers for CP-SAT
COST_STEPS = 10**12  # of the whole budget, for CP-SAT


class Answer(NamedTuple):
    """What a solver reached."""

    value: float  # NaN where it found nothing
    bound: float  # no allocation has a larger value, by its own account
    cost: float  # of what it chose; NaN where it chose nothing


def solve_here(instance: Instance, limit_seconds: float) -> Answer:
    """This allocator."""
    allocation = allocate(*instance)
    spent = instance.cost[np.arange(len(instance.cost)), allocation.choice].sum(dtype=np.float64)
    assert spent <= instance.budget, "the budget is broken"
    return Answer(allocation.accuracy, allocation.upper_bound, float(spent))


def solve_as_published(instance: Instance, limit_seconds: float) -> Answer:
    """CONCUR, section 3.3, as published: costs rounded to the nearest step, a table of tasks and the whole budget."""
    tasks, strategies = instance.cost.shape
    steps = STEPS_PER_TASK * tasks
    rounded = np.rint(instance.cost / instance.budget * steps).astype(np.int64)
    best = np.full((tasks + 1, steps + 1), -np.inf)
    best[0] = 0
    chosen = np.zeros((tasks + 1, steps + 1), dtype=np.int64)
    for task in range(tasks):
        for strategy in range(strategies):
            cost = rounded[task, strategy]
            reached = best[task, : steps + 1 - cost] + instance.accuracy[task, strategy]
            better = reached > best[task + 1, cost:]
            best[task + 1, cost:][better] = reached[better]
            chosen[task + 1, cost:][better] = strategy
    left, choice = steps, np.zeros(tasks, dtype=np.int64)
    for task in reversed(range(tasks)):
        choice[task] = chosen[task + 1, left]
        left -= rounded[task, choice[task]]
    return Answer(float(best[tasks, steps]), math.inf, _sum_cost(instance, choice))


def solve_whole_with_highs(instance: Instance, limit_seconds: float) -> Answer:
    """HiGHS on the mixed-integer programme; the bound is its dual bound."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    one_each, rows, limits = list_rows(instance, None)
    answer = milp(
        -instance.accuracy.ravel(),
        integrality=np.ones(instance.accuracy.size),
        bounds=Bounds(0, 1),
        constraints=[LinearConstraint(one_each, 1, 1), LinearConstraint(rows, -np.inf, limits)],
        options={"mip_rel_gap": 0.0, "time_limit": limit_seconds},
    )
    if answer.x is None:
        return Answer(math.nan, math.inf, math.nan)
    choice = answer.x.reshape(instance.cost.shape).argmax(axis=1)
    return Answer(-float(answer.fun), -float(answer.mip_dual_bound), _sum_cost(instance, choice))


def solve_shares_with_highs(instance: Instance, limit_seconds: float, constraints: Constraints | None = None) -> Answer:
    """HiGHS on the linear relaxation, which bounds every allocation and chooses none."""
    from scipy.optimize import linprog

    one_each, rows, limits = list_rows(instance, constraints)
    answer = linprog(
        -instance.accuracy.ravel(),
        A_ub=rows,
        b_ub=limits,
        A_eq=one_each,
        b_eq=np.ones(len(instance.cost)),
        bounds=(0, 1),
        method="highs",
        options={"time_limit": limit_seconds},
    )
    value = -float(answer.fun) if answer.status == 0 else math.nan
    return Answer(value, value, math.nan)


def solve_with_cp_sat(instance: Instance, limit_seconds: float) -> Answer:
    """OR-Tools CP-SAT; costs rounded up to whole steps of the budget, accuracies to the nearest."""
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    tasks, strategies = instance.cost.shape
    steps = np.ceil(instance.cost / instance.budget * COST_STEPS).astype(np.int64)
    gains = np.rint(instance.accuracy * ACCURACY_SCALE).astype(np.int64)
    cells = [[model.new_bool_var("") for _ in range(strategies)] for _ in range(tasks)]
    for row in cells:
        model.add_exactly_one(row)
    flat = [cell for row in cells for cell in row]
    model.add(cp_model.LinearExpr.weighted_sum(flat, steps.ravel().tolist()) <= COST_STEPS)
    model.maximize(cp_model.LinearExpr.weighted_sum(flat, gains.ravel().tolist()))
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = limit_seconds
    solver.parameters.num_workers = 2
    if solver.solve(model) not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return Answer(math.nan, math.inf, math.nan)
    choice = np.array([[solver.value(cell) for cell in row] for row in cells]).argmax(axis=1)
    value = float(instance.accuracy[np.arange(tasks), choice].sum())
    return Answer(value, solver.best_objective_bound / ACCURACY_SCALE, _sum_cost(instance, choice))


def solve_constrained_here(instance: Instance, limit_seconds: float, constraints: Constraints) -> Answer:
    """This allocator, within several constraints."""
    allocation = allocate(*instance, constraints=constraints)
    _, rows, limits = list_rows(instance, constraints)
    chosen = np.zeros(instance.cost.shape)
    chosen[np.arange(len(chosen)), allocation.choice] = 1
    assert (rows @ chosen.ravel() <= limits * (1 + 1e-12)).all(), "a limit is broken"
    assert allocation.cost <= instance.budget, "the budget is broken"
    return Answer(allocation.accuracy, allocation.upper_bound, allocation.cost)


def list_rows(instance: Instance, constraints: Constraints | None) -> tuple[Any, Any, NDArray[np.float64]]:
    """One strategy for each task, and all limits, as rows over the cells; each limit scaled to 1."""
    tasks, strategies = instance.cost.shape
    cell = np.arange(tasks * strategies)
    task, strategy = np.divmod(cell, strategies)
    one_each = csr_array((np.ones(len(cell)), (task, cell)), shape=(tasks, len(cell)))
    kinds = [(np.zeros(len(cell), dtype=np.int64), instance.cost.ravel(), np.array([instance.budget]))]
    if constraints is not None:
        (resource,), tenants = constraints.resources, constraints.tenants
        assert tenants is not None
        kinds.append((strategy, np.ones(len(cell)), np.asarray(constraints.capacity)))
        kinds.append((strategy, np.ravel(np.asarray(resource.use)), np.asarray(resource.limit)))
        kinds.append((np.asarray(tenants.tenant)[task], instance.cost.ravel(), np.asarray(tenants.budget)))
    rows = [csr_array((use / limit[row], (row, cell)), shape=(len(limit), len(cell))) for row, use, limit in kinds]
    matrix = vstack(rows).tocsr()
    return one_each, matrix, np.ones(matrix.shape[0])


def _sum_cost(instance: Instance, choice: NDArray[np.int64]) -> float:
    return float(instance.cost[np.arange(len(choice)), choice].sum())


SOLVERS: dict[str, Callable[[Instance, float], Answer]] = {
    "here": solve_here,
    "published programme": solve_as_published,
    "HiGHS MILP": solve_whole_with_highs,
    "HiGHS LP": solve_shares_with_highs,
    "CP-SAT": solve_with_cp_sat,
}
CONSTRAINED: dict[str, Callable[[Instance, float, Constraints], Answer]] = {
    "here": solve_constrained_here,
    "HiGHS LP": solve_shares_with_highs,
}
