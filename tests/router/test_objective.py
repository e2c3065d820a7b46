"""A price for accuracy, and an accuracy to reach."""

import math

import numpy as np
import pytest

from router import allocate, allocate_target, allocate_weighted
from router.errors import InfeasibleTarget, InvalidAllocationInput

ACCURACY = np.array([[0.2, 0.6, 0.9], [0.5, 0.5, 0.8], [math.nan, 0.3, 0.4]])
COST = np.array([[1.0, 2.0, 8.0], [1.0, 2.0, 8.0], [1.0, 2.0, 8.0]])


@pytest.mark.parametrize(
    ("w", "choice"), [(0.0, [0, 0, 1]), (1.0, [2, 2, 2]), (0.75, [1, 0, 1]), (0.9, [2, 2, 1]), (0.97, [2, 2, 2])]
)
def test_each_task_takes_its_best_score(w: float, choice: list[int]) -> None:
    allocation = allocate_weighted(ACCURACY, COST, w, reference_cost=4.0)
    score = np.where(np.isnan(ACCURACY), -np.inf, w * np.nan_to_num(ACCURACY) - (1 - w) * COST / 4.0)
    assert allocation.choice.tolist() == choice
    assert (score[np.arange(3), allocation.choice] == score.max(axis=1)).all()
    assert (allocation.gap, allocation.proven) == (0.0, True)


def test_equal_scores_go_to_the_cheaper_strategy() -> None:
    assert allocate_weighted([[0.5, 0.5]], [[2.0, 1.0]], 1.0, 1.0).choice.tolist() == [1]
    assert allocate_weighted([[0.5, 0.7]], [[2.0, 2.0]], 0.0, 1.0).choice.tolist() == [1]


def test_each_of_many_tasks_takes_its_best_score() -> None:
    rng = np.random.default_rng(8)
    accuracy, cost = rng.random((100_000, 6)), rng.random((100_000, 6))
    for w in (0.2, 0.5, 0.8):
        score = w * accuracy - (1 - w) * cost
        assert (allocate_weighted(accuracy, cost, w, 1.0).choice == score.argmax(axis=1)).all()


def test_nothing_is_more_accurate_at_the_cost_of_a_weighted_choice() -> None:
    rng = np.random.default_rng(3)
    accuracy, cost = rng.random((300, 6)), rng.lognormal(27, 1, (300, 6))
    for w in (0.3, 0.6, 0.9):
        weighted = allocate_weighted(accuracy, cost, w, float(cost.mean()))
        assert allocate(accuracy, cost, weighted.cost).accuracy == pytest.approx(weighted.accuracy, rel=1e-12)


@pytest.mark.parametrize(("w", "reference"), [(-0.1, 1.0), (1.1, 1.0), (math.nan, 1.0), (0.5, 0.0), (0.5, math.inf)])
def test_a_weight_and_a_reference_out_of_range_are_refused(w: float, reference: float) -> None:
    with pytest.raises(InvalidAllocationInput, match=r"between 0|positive"):
        allocate_weighted(ACCURACY, COST, w, reference)


def test_a_target_costs_least() -> None:
    allocation = allocate_target(ACCURACY, COST, 0.46)
    assert allocation.choice.tolist() == [1, 0, 1]
    assert (allocation.cost, allocation.proven) == (5.0, True)
    assert allocate_target(ACCURACY, COST, 0.0).choice.tolist() == [0, 0, 1]
    assert allocate_target(ACCURACY, COST, float(np.nanmax(ACCURACY, axis=1).mean())).choice.tolist() == [2, 2, 2]


def test_a_target_is_a_weighted_mean() -> None:
    allocation = allocate_target([[0.0, 1.0], [0.0, 1.0]], [[1.0, 3.0], [1.0, 2.0]], 0.7, weight=[3.0, 1.0])
    assert allocation.choice.tolist() == [1, 0]


def test_a_target_holds_at_scale() -> None:
    rng = np.random.default_rng(4)
    accuracy, cost = rng.random((5000, 5)).astype(np.float32), rng.lognormal(27, 1, (5000, 5))
    allocation = allocate_target(accuracy, cost, 0.8)
    reached = accuracy[np.arange(5000), allocation.choice].astype(np.float64).mean()
    assert 0.8 <= reached <= 0.8 + 1e-6
    assert allocate(accuracy, cost, allocation.cost * (1 - 1e-6)).accuracy < 0.8 * 5000


def test_a_target_out_of_reach_names_the_best() -> None:
    with pytest.raises(InfeasibleTarget, match="reaches") as caught:
        allocate_target(ACCURACY, COST, 0.71)
    assert caught.value.best_reachable == pytest.approx(0.7)
    assert "is 0.71 but the most accurate strategy for every task reaches 0.7: lower" in str(caught.value)
    shown = str(InfeasibleTarget(target=0.9, best_reachable=0.7625986307525635))
    assert "is 0.9 but the most accurate strategy for every task reaches 0.7625: lower" in shown
    with pytest.raises(InvalidAllocationInput, match="target accuracy is nan"):
        allocate_target(ACCURACY, COST, math.nan)
    with pytest.raises(InvalidAllocationInput, match="no task with a weight"):
        allocate_target(ACCURACY, COST, 0.1, weight=[0, 0, 0])
