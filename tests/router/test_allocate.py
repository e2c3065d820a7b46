"""Allocations worked out by hand, and the traps: overflow, ties, forbidden cells, hopeless instances."""

import math
import tracemalloc
from collections.abc import Callable
from typing import Literal

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from router import DEFERRED, Allocation, Deferral, allocate
from router.errors import InfeasibleBudget, InvalidAllocationInput

NAN, INF = math.nan, math.inf


def spend(cost: NDArray[np.floating], allocation: Allocation) -> NDArray[np.float64]:
    """The costs of the served tasks, as a caller would look them up."""
    served = np.flatnonzero(allocation.choice != DEFERRED)
    return cost[served, allocation.choice[served]].astype(np.float64)


def make_pool(tasks: int, strategies: int, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Correlated accuracies and costs that span about 100x, in FLOPs."""
    rng = np.random.default_rng(seed)
    scale = np.geomspace(1, 100, strategies)
    cost = 1e11 * scale * rng.lognormal(0, 0.3, (tasks, strategies))
    skill = rng.normal(0, 1.5, (tasks, 1)) + 0.5 * np.log(scale) + rng.normal(0, 0.7, (tasks, strategies))
    return 1 / (1 + np.exp(-skill)), cost


def test_the_best_pair_of_upgrades_is_not_the_steepest_one() -> None:
    accuracy = np.array([[0.0, 0.6], [0.0, 1.0], [0.0, 1.0]])
    cost = np.array([[0.0, 1.0], [0.0, 2.0], [0.0, 2.0]])
    allocation = allocate(accuracy, cost, 4.0)
    assert allocation.choice.tolist() == [0, 1, 1]
    assert (allocation.accuracy, allocation.cost, allocation.proven, allocation.gap) == (2.0, 4.0, True, 0.0)
    assert allocation.upper_bound == 2.0


def test_weights_decide_who_is_upgraded() -> None:
    accuracy, cost = [[0.0, 0.5], [0.0, 0.4]], [[1, 2], [1, 2]]
    assert allocate(accuracy, cost, 3).choice.tolist() == [1, 0]
    weighted = allocate(accuracy, cost, 3, weight=[1, 2])
    assert weighted.choice.tolist() == [0, 1]
    assert weighted.accuracy == pytest.approx(0.8)
    assert allocate(accuracy, cost, 4, weight=[0, 0]).cost == 2


def test_a_sum_that_rounds_past_the_budget_is_not_taken() -> None:
    allocation = allocate([[0.0, 1.0], [0.0, 1.0]], [[0.0, 0.1], [0.0, 0.2]], 0.3)  # 0.1 + 0.2 > 0.3
    assert allocation.accuracy == 1.0
    assert allocation.upper_bound == 2.0


def test_a_budget_past_the_dearest_total_buys_the_most_accurate_and_no_more() -> None:
    accuracy, cost = [[0.1, 0.9, 0.9], [0.5, 0.2, 0.1]], [[1.0, 5.0, 4.0], [2.0, 3.0, 9.0]]
    for budget in (6.0, 1e30, INF):
        allocation = allocate(accuracy, cost, budget)
        assert allocation.choice.tolist() == [2, 0]
        assert (allocation.shadow_price, allocation.proven) == (0.0, True)


def test_the_smallest_feasible_budget_is_named_and_works() -> None:
    accuracy, cost = make_pool(500, 4)
    with pytest.raises(InfeasibleBudget, match="cheapest strategy for every task costs") as caught:
        allocate(accuracy, cost, 1e12)
    smallest = caught.value.smallest_feasible
    allocation = allocate(accuracy, cost, smallest)
    assert allocation.cost <= smallest
    with pytest.raises(InfeasibleBudget):
        allocate(accuracy, cost, math.nextafter(smallest, 0))


def test_forbidden_cells_are_never_chosen() -> None:
    accuracy = np.array([[NAN, 0.2, 0.9], [0.3, INF, 0.1], [0.3, 0.4, -INF]])
    cost = np.array([[0.0, 1.0, NAN], [1.0, 0.0, 2.0], [1.0, INF, 0.0]])
    assert allocate(accuracy, cost, 100).choice.tolist() == [1, 0, 0]
    assert allocate(accuracy, cost, 3, weight=[0, 0, 0]).choice.tolist() == [1, 0, 0]


def test_ties_and_duplicates_go_to_the_first_and_do_not_vary() -> None:
    accuracy, cost = np.full((50, 6), 0.5), np.full((50, 6), 2.0)
    assert allocate(accuracy, cost, 100).choice.tolist() == [0] * 50
    accuracy, cost = make_pool(300, 5)
    accuracy, cost = np.hstack([accuracy, accuracy]), np.hstack([cost, cost])
    budget = cost.min(axis=1).sum() * 3
    first = allocate(accuracy, cost, budget)
    assert (first.choice < 5).all()
    assert (allocate(accuracy.copy(), cost.copy(), budget).choice == first.choice).all()


def test_flops_of_many_tasks_do_not_wrap() -> None:
    accuracy, cost = make_pool(20_000, 5)
    cost = np.ceil(cost * 1e4)  # up to 1e17 each: the total is past 2**63
    budget = int(cost.max(axis=1).sum() * 0.6)
    allocation = allocate(accuracy, cost, budget)
    assert sum(int(one) for one in spend(cost, allocation)) <= budget
    assert allocation.gap <= 1e-8 * allocation.accuracy


def test_an_integer_budget_rounds_down() -> None:
    with pytest.raises(InfeasibleBudget):
        allocate([[1.0]], [[2.0**53 + 2]], 2**53 + 1)
    assert allocate([[1.0]], [[2.0**53]], 2**53 + 1).cost == 2**53


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_window_is_proven_and_its_true_sums_hold(order: Literal["C", "F"], dtype: type) -> None:
    for seed in range(5):
        pool = make_pool(1000, 7, seed)
        accuracy: NDArray[np.floating] = pool[0].astype(dtype, order=order)
        cost: NDArray[np.floating] = pool[1].astype(dtype, order=order)
        budget = float(cost.min(axis=1).sum(dtype=np.float64)) * 4
        allocation = allocate(accuracy, cost, budget)
        costs = spend(cost, allocation)
        assert max(costs.sum(), sum(costs.tolist())) <= budget
        assert allocation.proven
        assert allocation.cost == pytest.approx(budget, rel=1e-4)


HARD: dict[str, Callable[[np.random.Generator, int], tuple[ArrayLike, ArrayLike]]] = {
    "identical tasks": lambda rng, n: (
        np.tile([0.3, 0.5, 0.6, 0.7], (n, 1)),
        np.tile([7e11, 2e12, 4e12, 9e12], (n, 1)),
    ),
    "subset sum": lambda rng, n: ((c := rng.integers(1, 1000, (n, 6)).astype(float)) / 1000, c),
    "strongly correlated": lambda rng, n: ((c := rng.integers(1, 10**6, (n, 6)).astype(float)) / 1e6 + 0.1, c),
    "answers known": lambda rng, n: ((rng.random((n, 6)) < 0.4).astype(float), rng.lognormal(0, 1, (n, 6))),
    "one giant task": lambda rng, n: (
        np.vstack([[0, 1e4], np.tile([0.2, 0.6], (n - 1, 1))]),
        np.vstack([[1, 0.9 * n], rng.random((n - 1, 2)) + np.array([0, 1])]),
    ),
}


@pytest.mark.parametrize("name", HARD)
def test_hard_instances_end_with_a_small_certified_gap(name: str) -> None:
    accuracy, cost = (np.asarray(cells) for cells in HARD[name](np.random.default_rng(5), 100_000))
    cheapest, dearest = cost.min(axis=1).sum(), cost.max(axis=1).sum()
    budget = cheapest + 0.3 * (dearest - cheapest)
    allocation = allocate(accuracy, cost, budget)
    assert allocation.gap <= (1e-5 if name == "one giant task" else 5e-6) * allocation.accuracy
    assert allocation.proven or name not in ("identical tasks", "subset sum")
    assert spend(cost, allocation).sum() <= budget


def test_deferral_serves_as_many_as_it_can() -> None:
    accuracy, cost = make_pool(400, 4)
    cheapest = np.sort(cost.min(axis=1))
    for served in (0, 1, 250, 399):
        budget = float(cheapest[:served].sum()) * (1 + 1e-12) + 1
        allocation = allocate(accuracy, cost, budget, deferral=Deferral.SERVE_MOST)
        assert (allocation.choice != DEFERRED).sum() == served
        assert spend(cost, allocation).sum() <= budget
        assert allocation.gap <= 1.0  # about a task


def test_deferral_prefers_the_accurate_among_equally_cheap() -> None:
    allocation = allocate([[0.2], [0.9], [0.5]], [[1.0], [1.0], [1.0]], 2.5, deferral=Deferral.SERVE_MOST)
    assert allocation.choice.tolist() == [DEFERRED, 0, 0]
    assert allocate([[0.2], [0.9]], [[1.0], [1.0]], 2.0, deferral=Deferral.SERVE_MOST).choice.tolist() == [0, 0]


def test_deferral_of_the_least_valuable() -> None:
    accuracy, cost = [[0.9, 0.95], [0.5, 0.6], [0.4, 0.9]], [[2.0, 4.0], [3.0, 4.0], [1.0, 2.0]]
    for budget, choice in ((4.0, [0, DEFERRED, 1]), (1.0, [DEFERRED, DEFERRED, 0]), (0.5, [DEFERRED] * 3)):
        allocation = allocate(accuracy, cost, budget, deferral=Deferral.MOST_VALUABLE)
        assert (allocation.choice.tolist(), allocation.proven) == (choice, True)
    heavy = allocate(accuracy, cost, 4.0, weight=[1, 9, 1], deferral=Deferral.MOST_VALUABLE)
    assert heavy.choice.tolist() == [DEFERRED, 1, DEFERRED]
    assert heavy.accuracy == pytest.approx(5.4)
    worse_than_nothing = allocate([[-0.5], [0.5]], [[0.0], [0.0]], 1.0, deferral=Deferral.MOST_VALUABLE)
    assert worse_than_nothing.choice.tolist() == [DEFERRED, 0]


def test_deferral_of_the_least_valuable_at_scale_is_proven() -> None:
    accuracy, cost = make_pool(50_000, 6)
    budget = float(cost.min(axis=1).sum()) * 0.5
    allocation = allocate(accuracy, cost, budget, deferral=Deferral.MOST_VALUABLE)
    costs = spend(cost, allocation)
    assert max(costs.sum(), sum(costs.tolist())) <= budget
    assert allocation.gap <= 1e-9 * allocation.accuracy
    assert allocation.accuracy >= allocate(accuracy, cost, budget, deferral=Deferral.SERVE_MOST).accuracy


def test_no_tasks_cost_nothing() -> None:
    allocation = allocate(np.zeros((0, 3)), np.zeros((0, 3)), 0)
    assert (len(allocation.choice), allocation.cost, allocation.proven) == (0, 0.0, True)


@pytest.mark.parametrize(
    ("accuracy", "cost", "budget", "says"),
    [
        ([[0.5]], [[1.0, 2.0]], 1, r"shape \(1, 1\) and cost \(1, 2\)"),
        ([0.5], [1.0], 1, "shape"),
        (np.zeros((2, 0)), np.zeros((2, 0)), 1, "no strategies"),
        ([["a"]], [[1.0]], 1, "type"),
        ([[0.5], [NAN]], [[1.0], [1.0]], 2, "task 1 has no allowed strategy"),
        ([[0.5, 1], [1, 1]], [[1.0, 1], [1.0, -2]], 2, r"task 1 has the cost -2.0 for strategy 1"),
        ([[0.5]], [[1e-70]], 2, "task 0 has the cost 1e-70"),
        ([[1e70]], [[1]], 2, "task 0 has the accuracy"),
        ([[0.5]], [[1.0]], NAN, "budget is nan"),
        ([[0.5]], [[1.0]], -1, "budget is -1"),
    ],
)
def test_bad_input_is_named_before_any_work(accuracy: object, cost: object, budget: float, says: str) -> None:
    with pytest.raises(InvalidAllocationInput, match=says):
        allocate(accuracy, cost, budget)  # type: ignore[call-overload]  # wrong types on purpose


@pytest.mark.parametrize(("weight", "says"), [([1, 1], "shape"), ([-1], "task 0 has the weight -1"), ([NAN], "nan")])
def test_bad_weights_are_named(weight: list[float], says: str) -> None:
    with pytest.raises(InvalidAllocationInput, match=says):
        allocate([[0.5]], [[1.0]], 1, weight=weight)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_any_layout_gives_the_same_allocation(dtype: type) -> None:
    pool = make_pool(3000, 6)
    accuracy: NDArray[np.floating] = pool[0].astype(dtype)
    cost: NDArray[np.floating] = pool[1].astype(dtype)
    accuracy[::7, 2], cost[::5, 3] = NAN, INF
    budget = float(np.nanmin(cost, axis=1).sum(dtype=np.float64)) * 3
    plain = allocate(accuracy, cost, budget)
    read_only: NDArray[np.floating] = accuracy.copy()
    read_only.flags.writeable = False
    spread: NDArray[np.floating] = np.repeat(cost, 2, axis=1)[:, ::2]
    layouts: list[tuple[NDArray[np.floating], NDArray[np.floating]]] = [
        (np.asfortranarray(accuracy), cost),
        (read_only, spread),
        (accuracy[::-1][::-1], cost.astype(">f8")),
    ]
    for one, other in layouts:
        assert (allocate(one, other, budget).choice == plain.choice).all()


def test_threads_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    accuracy, cost = make_pool(40_000, 6)
    budget = float(cost.min(axis=1).sum()) * 3
    allocations = []
    for threads in (1, 2, 5):
        monkeypatch.setattr("router.blocks._count_processors", lambda threads=threads: threads)
        monkeypatch.setattr("router.blocks.CELLS_WORTH_A_THREAD", 1)
        allocations.append(allocate(accuracy, cost, budget))
    first = allocations[0]
    for other in allocations[1:]:
        assert (other.choice == first.choice).all()
        assert (other.accuracy, other.cost, other.upper_bound, other.shadow_price) == (
            first.accuracy, first.cost, first.upper_bound, first.shadow_price,
        )  # fmt: skip


def test_a_large_instance_is_not_copied() -> None:
    accuracy, cost = (cells.astype(np.float32) for cells in make_pool(400_000, 10))
    budget = float(cost.min(axis=1).sum(dtype=np.float64)) * 3
    allocate(accuracy[:50_000], cost[:50_000], budget)  # compiled before it is measured
    tracemalloc.start()
    allocate(accuracy, cost, budget)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < accuracy.nbytes + cost.nbytes


def test_a_bad_cell_far_down_is_named() -> None:
    accuracy, cost = make_pool(100_000, 4)
    cost[77_777, 2] = -1.0
    cost[88_888, :] = NAN
    with pytest.raises(InvalidAllocationInput, match=r"task 77777 has the cost -1.0 for strategy 2: .* NaN to forbid"):
        allocate(accuracy, cost, 1e18)
    cost[77_777, 2] = NAN
    with pytest.raises(InvalidAllocationInput, match=r"task 88888 has no allowed strategy .* leave the task out"):
        allocate(accuracy, cost, 1e18, deferral=Deferral.MOST_VALUABLE)
