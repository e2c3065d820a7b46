"""Allocation problems to measure with: the kinds a job has, and those that are hard on purpose."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from router import Constraints, Resource, Tenants, allocate

Cells = NDArray[np.float64]

TENANTS = 10
ROWS_PER_DRAW = 500_000  # tasks made at once, so that making them takes little more memory than keeping them


class Instance(NamedTuple):
    """One allocation problem."""

    accuracy: Cells  # (tasks, strategies)
    cost: Cells  # (tasks, strategies)
    budget: float


def make_realistic(tasks: int, strategies: int, seed: int, share: float = 0.2, dtype: type = np.float64) -> Instance:
    """Costs over 100x, dearer strategies better on the whole, tasks of different difficulty."""
    rng = np.random.default_rng(seed)
    scale = np.geomspace(1, 100, strategies)
    accuracy: Cells = np.empty((tasks, strategies), dtype)
    cost: Cells = np.empty((tasks, strategies), dtype)
    for start in range(0, tasks, ROWS_PER_DRAW):
        rows = slice(start, min(start + ROWS_PER_DRAW, tasks))
        shape = (rows.stop - start, strategies)
        cost[rows] = 1e9 * scale * rng.lognormal(0, 0.4, shape)
        skill = rng.normal(0, 1.5, (len(cost[rows]), 1)) + 0.4 * np.log(scale) + rng.normal(0, 0.7, shape)
        accuracy[rows] = 1 / (1 + np.exp(-skill))
    return _with_budget(accuracy, cost, share)


def make_random(tasks: int, strategies: int, seed: int) -> Instance:
    """Independent uniform accuracies and costs."""
    rng = np.random.default_rng(seed)
    return _with_budget(rng.random((tasks, strategies)), rng.random((tasks, strategies)) * 1e9, 0.1)


def make_correlated(tasks: int, strategies: int, seed: int) -> Instance:
    """Accuracy is a line in the cost plus a little noise."""
    rng = np.random.default_rng(seed)
    cost = rng.integers(1, 10**6, (tasks, strategies)).astype(float)
    return _with_budget(cost / 1e6 + rng.normal(0, 1e-3, cost.shape), cost, 0.3)


def make_subset_sum(tasks: int, strategies: int, seed: int) -> Instance:
    """Accuracy is the cost itself: only an exact sum is optimal."""
    rng = np.random.default_rng(seed)
    cost = rng.integers(1, 10**6, (tasks, strategies)).astype(float)
    return _with_budget(cost / 1e6, cost, 0.3)


def make_identical(tasks: int, strategies: int, seed: int) -> Instance:
    """All tasks are the same task."""
    one = make_realistic(1, strategies, seed)
    return _with_budget(np.tile(one.accuracy, (tasks, 1)), np.tile(one.cost, (tasks, 1)), 0.3)


def _with_budget(accuracy: Cells, cost: Cells, share: float) -> Instance:
    cheapest, dearest = (float(costs.sum(dtype=np.float64)) for costs in (cost.min(axis=1), cost.max(axis=1)))
    return Instance(accuracy, cost, cheapest + share * (dearest - cheapest))


def make_constraints(instance: Instance, seed: int) -> Constraints:
    """30 limits around what the budget alone would choose (counts, GPU-seconds, tenants), many of them tight."""
    tasks, strategies = instance.cost.shape
    rng = np.random.default_rng(seed)
    each, free = np.arange(tasks), allocate(*instance).choice
    seconds = np.geomspace(0.1, 5, strategies) * rng.lognormal(0, 0.5, (tasks, strategies))
    counts = np.bincount(free, minlength=strategies)
    used = np.bincount(free, seconds[each, free], minlength=strategies)
    tenant = rng.integers(0, TENANTS, tasks)
    spent = np.bincount(tenant, instance.cost[each, free], minlength=TENANTS)
    return Constraints(
        capacity=np.floor(np.where(counts > counts.mean(), 0.8 * counts, 1.5 * counts + counts.mean())),
        resources=(
            Resource(
                name="GPU-seconds",
                use=seconds,
                limit=np.where(used > used.mean(), 0.85 * used, 1.5 * used + used.mean()),
            ),
        ),
        tenants=Tenants(tenant=tenant, budget=spent * np.where(np.arange(TENANTS) % 3 == 0, 0.8, 1.1)),
    )


MAKERS: dict[str, Callable[[int, int, int], Instance]] = {
    "realistic": make_realistic,
    "random": make_random,
    "correlated": make_correlated,
    "subset sum": make_subset_sum,
    "identical": make_identical,
}
