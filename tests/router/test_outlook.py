"""The outlook: a curve with intervals."""

import numpy as np

from router.frontier import frontier
from router.outlook import POINTS, find_knee, look_ahead


def draw(tasks: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return np.sort(rng.uniform(0.1, 0.9, (tasks, 4)), axis=1), np.sort(rng.lognormal(3, 1, (tasks, 4)), axis=1)


def test_the_curve_is_the_frontiers_and_lies_in_its_interval() -> None:
    accuracy, cost = draw(300, 1)
    weight = np.random.default_rng(2).integers(1, 5, 300)
    seen = look_ahead(accuracy, cost, weight=weight, doubt=np.full(4, 0.02))
    curve = frontier(accuracy, cost, weight=weight)
    assert len(seen.cost) == POINTS
    assert seen.answers == weight.sum()
    np.testing.assert_allclose(
        seen.accuracy * seen.answers, [curve.accuracy_at(budget) for budget in seen.cost], rtol=1e-12
    )
    assert (seen.low <= seen.accuracy).all()
    assert (seen.accuracy <= seen.high).all()
    np.testing.assert_allclose(seen.shares.sum(axis=1), 1)
    assert seen.cost[0] < find_knee(seen) < seen.cost[-1]


def test_intervals_hold_what_other_tasks_of_the_same_kind_reach() -> None:
    """At a budget in the middle, 95 % of other draws' observed means, give or take what 200 of them can tell."""
    accuracy, cost = draw(400, 3)
    seen = look_ahead(accuracy, cost, weight=np.ones(400, dtype=np.int64), doubt=np.zeros(4))
    middle, rng = POINTS // 2, np.random.default_rng(4)
    inside = 0
    for seed in range(200):
        other, prices = draw(400, 100 + seed)
        best = frontier(other, prices).accuracy_at(float(seen.cost[middle])) / 400
        observed = best + rng.normal() * np.sqrt(best * (1 - best) / 400)  # how they turn out
        inside += bool(seen.low[middle] - 0.03 <= observed <= seen.high[middle] + 0.03)
    assert inside >= 180


def test_doubt_widens_intervals_and_more_tasks_narrow_them() -> None:
    accuracy, cost = draw(200, 5)
    sure = look_ahead(accuracy, cost, weight=np.ones(200, dtype=np.int64), doubt=np.zeros(4))
    unsure = look_ahead(accuracy, cost, weight=np.ones(200, dtype=np.int64), doubt=np.full(4, 0.2))
    many = look_ahead(
        np.tile(accuracy, (50, 1)), np.tile(cost, (50, 1)), weight=np.ones(10_000, dtype=np.int64), doubt=np.zeros(4)
    )
    middle = POINTS // 2
    width = [float(seen.high[middle] - seen.low[middle]) for seen in (many, sure, unsure)]
    assert width[0] < width[1] / 3
    assert width[1] < width[2] / 2


def test_a_single_strategy_is_one_point() -> None:
    seen = look_ahead(
        np.array([[0.5], [0.7]]), np.array([[1.0], [2.0]]), weight=np.ones(2, dtype=np.int64), doubt=np.zeros(1)
    )
    assert seen.cost.tolist() == [3.0]
    assert seen.accuracy.tolist() == [0.6]
