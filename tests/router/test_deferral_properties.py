"""Allocations that may leave tasks out, against every way to do so."""

import itertools
import math
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router import DEFERRED, Deferral, allocate
from tests.router.pools import Pool, make_pools


def serve_every_way(pool: Pool) -> Iterator[tuple[int, float, float]]:
    """Tasks served, accuracy and cost of every choice that may leave tasks out."""
    options = [
        [(0, 0.0, 0.0)] + [(1, a, c) for a, c in zip(*row, strict=True) if math.isfinite(a) and math.isfinite(c)]
        for row in zip(pool.accuracy.tolist(), pool.cost.tolist(), strict=True)
    ]
    for picked in itertools.product(*options):
        served, accuracies, costs = zip(*picked, strict=True)
        yield sum(served), sum(accuracies), sum(costs)


@settings(max_examples=150)
@given(make_pools(most_tasks=5), st.floats(0, 1))
def test_deferral_serves_most_and_bounds_what_they_can_reach(pool: Pool, share: float) -> None:
    budget = float(pool.totals()[1].min()) * share
    allocation = allocate(pool.accuracy, pool.cost, budget, deferral=Deferral.SERVE_MOST)
    most, best = max((served, accuracy) for served, accuracy, cost in serve_every_way(pool) if cost <= budget)
    assert (allocation.choice != DEFERRED).sum() == most
    assert allocation.cost <= budget
    assert allocation.accuracy <= best + 1e-12 <= allocation.upper_bound + 1e-9
    if allocation.proven:
        assert allocation.accuracy == pytest.approx(best)


@settings(max_examples=150)
@given(make_pools(most_tasks=5), st.floats(0, 1.5), st.lists(st.integers(0, 4), min_size=5, max_size=5))
def test_deferral_of_the_least_valuable_is_exact(pool: Pool, share: float, weights: list[int]) -> None:
    weight = np.array(weights[: len(pool.accuracy)], float)
    budget = float(pool.totals()[1].min()) * share
    allocation = allocate(pool.accuracy, pool.cost, budget, weight=weight, deferral=Deferral.MOST_VALUABLE)
    weighted = Pool(pool.accuracy * np.where(np.isfinite(pool.accuracy), weight[:, np.newaxis], 1.0), pool.cost)
    best = max(accuracy for _, accuracy, cost in serve_every_way(weighted) if cost <= budget)
    assert allocation.proven
    assert allocation.cost <= budget
    assert allocation.accuracy == pytest.approx(best, rel=1e-12, abs=1e-12)
