"""Allocation against every choice there is, and against HiGHS."""

import math

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from router import allocate, allocate_target, frontier
from router.errors import InfeasibleBudget, InfeasibleTarget
from tests.router.pools import Cells, Pool, make_pools

BELOW_A_BREAKPOINT = Pool(  # by one last digit, where its share below is the largest float under 1
    np.array([[0.0, 0.0], [0.03125, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]]),
    np.array([[0.0, 0.0], [2.0**-30, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]]),
)


@settings(max_examples=300)
@given(make_pools(), st.floats(0, 1), st.booleans())
@example(BELOW_A_BREAKPOINT, math.nextafter(1.0, 0.0), False)
def test_the_value_is_that_of_the_best_choice(pool: Pool, share: float, on_breakpoint: bool) -> None:
    accuracies, costs = pool.totals()
    budget = float(costs.min() + share * (costs.max() - costs.min()))
    if on_breakpoint:
        budget = float(costs[np.abs(costs - budget).argmin()])
    allocation = allocate(pool.accuracy, pool.cost, budget)
    best = float(accuracies[costs <= budget].max())
    chosen = pool.cost[np.arange(len(pool.cost)), allocation.choice]
    assert max(chosen.sum(), sum(chosen.tolist())) == allocation.cost <= budget
    assert allocation.proven
    assert allocation.accuracy == pytest.approx(best, rel=1e-12, abs=1e-12)
    assert allocation.upper_bound >= best - 1e-12
    assert allocation.shadow_price >= 0


@settings(max_examples=100)
@given(make_pools(), st.floats(0.01, 1), st.floats(0.01, 1))
def test_more_budget_never_hurts(pool: Pool, one: float, other: float) -> None:
    cheapest, dearest = pool.totals()[1].min(), pool.totals()[1].max()
    low, high = (float(cheapest + share * (dearest - cheapest)) for share in sorted((one, other)))
    assert allocate(pool.accuracy, pool.cost, low).accuracy <= allocate(pool.accuracy, pool.cost, high).accuracy


@settings(max_examples=100)
@given(make_pools(), st.floats(0, 1), st.sampled_from([2.0**-20, 0.25, 2.0**20]))
def test_scale_changes_nothing(pool: Pool, share: float, factor: float) -> None:
    costs = pool.totals()[1]
    budget = float(costs.min() + share * (costs.max() - costs.min()))
    plain = allocate(pool.accuracy, pool.cost, budget)
    dearer = allocate(pool.accuracy, pool.cost * factor, budget * factor)
    finer = allocate(pool.accuracy * factor, pool.cost, budget)
    assert plain.choice.tolist() == dearer.choice.tolist() == finer.choice.tolist()
    assert plain.shadow_price == dearer.shadow_price * factor == finer.shadow_price / factor


@settings(max_examples=100)
@given(make_pools(), st.floats(0, 0.999))
def test_an_infeasible_budget_names_the_least_feasible(pool: Pool, share: float) -> None:
    cheapest = float(pool.totals()[1].min())
    assume(cheapest > 0)
    with pytest.raises(InfeasibleBudget) as caught:
        allocate(pool.accuracy, pool.cost, cheapest * share)
    assert caught.value.smallest_feasible == cheapest


@settings(max_examples=150)
@given(make_pools(), st.floats(0, 1))
def test_a_target_is_reached_at_the_least_cost(pool: Pool, share: float) -> None:
    accuracies, costs = pool.totals()
    tasks = len(pool.accuracy)
    target = float(accuracies[int(share * (len(accuracies) - 1))]) / tasks
    allocation = allocate_target(pool.accuracy, pool.cost, target)
    assert allocation.accuracy / tasks >= target
    least = costs[accuracies / tasks >= target].min()
    assert allocation.cost == pytest.approx(least, rel=1e-12)
    assert allocation.accuracy == pytest.approx(accuracies[costs <= allocation.cost].max())
    with pytest.raises(InfeasibleTarget) as caught:
        allocate_target(pool.accuracy, pool.cost, float(accuracies.max()) / tasks + 1e-6)
    assert caught.value.best_reachable == pytest.approx(accuracies.max() / tasks)


@settings(max_examples=150)
@given(make_pools(), st.floats(0, 1))
def test_the_frontier_bounds_every_budget_and_is_reached_at_its_breakpoints(pool: Pool, share: float) -> None:
    curve = frontier(pool.accuracy, pool.cost)
    accuracies, costs = pool.totals()
    budget = float(costs.min() + share * (costs.max() - costs.min()))
    assert curve.accuracy_at(budget) >= accuracies[costs <= budget].max() - 1e-9
    for cost, accuracy in zip(curve.cost, curve.accuracy, strict=True):
        assert accuracies[costs <= cost * (1 + 1e-12)].max() == pytest.approx(accuracy)
    assert (np.diff(curve.cost) > 0).all()
    assert (np.diff(curve.price) <= 0).all()
    assert curve.accuracy_at(curve.budget_for(curve.accuracy_at(budget))) == pytest.approx(curve.accuracy_at(budget))


def solve_with_highs(accuracy: Cells, cost: Cells, budget: float) -> float:
    """The optimum as a mixed-integer programme, to HiGHS's tolerances."""
    tasks, strategies = accuracy.shape
    one_each = np.kron(np.eye(tasks), np.ones(strategies))
    answer = milp(
        -accuracy.ravel(),
        integrality=np.ones(accuracy.size),
        bounds=Bounds(0, 1),
        constraints=[
            LinearConstraint(one_each, 1, 1),
            LinearConstraint(cost.ravel()[np.newaxis] / budget, -np.inf, 1.0),
        ],
        options={"mip_rel_gap": 0.0},
    )
    assert answer.success
    return -float(answer.fun)


@pytest.mark.parametrize("seed", range(16))
def test_highs_finds_nothing_better(seed: int) -> None:
    rng = np.random.default_rng(seed)
    tasks, strategies = int(rng.integers(5, 60 if seed < 12 else 200)), int(rng.integers(2, 9))
    cost = rng.lognormal(0, 1, (tasks, strategies)) * 10.0 ** int(rng.integers(-9, 13))
    accuracy = rng.random((tasks, strategies)) if seed % 2 else np.sort(rng.random((tasks, strategies)), axis=1)
    cheapest, dearest = cost.min(axis=1).sum(), cost.max(axis=1).sum()
    budget = float(cheapest + rng.uniform(0.02, 0.6) * (dearest - cheapest))
    allocation = allocate(accuracy, cost, budget)
    assert allocation.proven
    # HiGHS may overstep a constraint by its feasibility tolerance, 1e-6: hence the little it may be ahead.
    assert allocation.accuracy >= solve_with_highs(accuracy, cost, budget) - 1e-4
    assert allocation.accuracy <= frontier(accuracy, cost).accuracy_at(budget) + 1e-9


@settings(max_examples=200)
@given(st.data())
def test_any_floats_stay_within_the_budget_and_the_bound(data: st.DataObject) -> None:
    """Costs that do not add up exactly: the budget holds bit for bit, and what is better by rounding is bounded."""
    tasks, strategies = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 3))
    row = st.lists(st.floats(0, 1e13) | st.sampled_from([0.1, 0.2, 0.3, 0.7]), min_size=strategies, max_size=strategies)
    cost = np.array(data.draw(st.lists(row, min_size=tasks, max_size=tasks)))
    accuracy = np.array(data.draw(st.lists(st.lists(st.floats(0, 1), min_size=strategies, max_size=strategies),
                                           min_size=tasks, max_size=tasks)))  # fmt: skip
    cost[cost < 1e-60] = 0
    accuracies, costs = Pool(accuracy, cost).totals()
    budget = float(data.draw(st.sampled_from(sorted(costs.tolist()))))
    assume(budget >= max(cost.min(axis=1).sum(), sum(cost.min(axis=1).tolist())))
    allocation = allocate(accuracy, cost, budget)
    chosen = cost[np.arange(tasks), allocation.choice]
    assert max(chosen.sum(), sum(chosen.tolist())) <= budget
    clearly_within = costs <= budget * (1 - 1e-14)
    if clearly_within.any():
        assert allocation.accuracy >= accuracies[clearly_within].max() - 1e-9
    assert allocation.upper_bound >= accuracies[costs <= budget].max() - 1e-9


def make_mixed(rng: np.random.Generator, tasks: int, kind: int) -> tuple[Cells, Cells, float]:
    """Independent, correlated, partly forbidden and partly repeated tasks in turn, and a budget."""
    cost = rng.lognormal(0, 1, (tasks, 5))
    accuracy = rng.random((tasks, 5)) if kind % 2 else np.sort(rng.random((tasks, 5)), axis=1)
    if kind == 2:
        accuracy[rng.random((tasks, 5)) < 0.3] = math.nan
        accuracy[:, 0] = 0.1
    if kind == 3:
        accuracy, cost = accuracy[rng.integers(0, 4, tasks)], cost[rng.integers(0, 4, tasks)]
    allowed = np.where(np.isnan(accuracy), math.inf, cost)
    cheapest, dearest = allowed.min(axis=1).sum(), cost.max(axis=1).sum()
    return accuracy, cost, float(cheapest + rng.uniform(0.0, 0.7) * (dearest - cheapest))


@pytest.mark.parametrize("seed", range(40))
def test_a_bracket_from_a_sample_changes_no_value(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The way large instances go, on ones that the other way proves; a sample of 8 misses often, which is tried too."""
    rng = np.random.default_rng(seed)
    accuracy, cost, budget = make_mixed(rng, 300, seed % 4)
    plain = allocate(accuracy, cost, budget)
    monkeypatch.setattr("router.bracket.SAMPLE", int(rng.choice([8, 64])))
    sampled = allocate(accuracy, cost, budget)
    assert plain.proven
    assert sampled.accuracy <= plain.accuracy * (1 + 1e-12) <= sampled.upper_bound * (1 + 1e-11)
    if sampled.proven:
        assert sampled.accuracy == pytest.approx(plain.accuracy, rel=1e-11)


@pytest.mark.parametrize("seed", range(30))
def test_settled_tasks_are_not_forgotten_in_a_proof(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bracket and a margin so small that settled tasks have alternatives which a better allocation contains."""
    rng = np.random.default_rng(seed)
    cost = rng.lognormal(0, 1, (600, 5))
    accuracy = np.sort(rng.random((600, 5)), axis=1)
    budget = float(cost.min(axis=1).sum() * rng.uniform(1.2, 2.5))
    plain = allocate(accuracy, cost, budget)
    monkeypatch.setattr("router.bracket.SAMPLE", 256)
    monkeypatch.setattr("router.bracket.CORE_TASKS", 1)
    monkeypatch.setattr("router.upgrades.SPREAD", 0.02)
    sampled = allocate(accuracy, cost, budget)
    assert plain.proven
    assert plain.accuracy <= sampled.upper_bound * (1 + 1e-12)
    assert not sampled.proven or sampled.accuracy == pytest.approx(plain.accuracy, rel=1e-12)


@pytest.mark.parametrize("seed", range(40))
def test_free_steps_change_no_value(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five kinds of tasks, by the way they go when there are many and by the one for few."""
    rng = np.random.default_rng(seed)
    kind = np.repeat(np.arange(5), rng.integers(3, 30, 5))
    accuracy = np.sort(rng.random((5, 6)), axis=1)[kind]
    cost = np.sort(rng.lognormal(0, 1, (5, 6)), axis=1)[kind]
    cheapest, dearest = cost[:, 0].sum(), cost[:, 5].sum()
    budget = float(cheapest + rng.uniform(0.05, 0.95) * (dearest - cheapest))
    plain = allocate(accuracy, cost, budget)
    monkeypatch.setattr("router.free_steps.LEAST_COPIES", 1)
    stepped = allocate(accuracy, cost, budget)
    assert (plain.proven, stepped.proven) == (True, True)
    assert stepped.accuracy == pytest.approx(plain.accuracy, rel=1e-11)


@settings(max_examples=100)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1e-9, 1.0, 1e13]))
def test_more_budget_never_hurts_where_sums_round(seed: int, unit: float) -> None:
    rng = np.random.default_rng(seed)
    cost = rng.random((12, 3)) * unit
    accuracy = rng.random((12, 3))
    cheapest, dearest = cost.min(axis=1).sum(), cost.max(axis=1).sum()
    budgets = cheapest * (1 + 1e-12) + np.sort(rng.random(4)) * (dearest - cheapest)
    reached = [allocate(accuracy, cost, float(budget)) for budget in budgets]
    assert all(one.proven for one in reached)
    assert (np.diff([one.accuracy for one in reached]) >= -1e-12).all()
