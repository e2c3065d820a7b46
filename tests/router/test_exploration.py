"""Chances of exploration: what they are sums to 1, costs what is allowed, and is what is drawn."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from router import DEFERRED, Deferral, allocate
from router.exploration import MOST_EXPLORED, Chosen, Exploration, Limits, plan_exploration
from router.outcome_need import POINTS_AT_FIRST, POINTS_LATER, find_need, find_points, find_share

STRATEGIES = 5
FLOAT32 = 1e-6

SEEDS = st.integers(0, 10**6)
LIMITS = st.builds(Limits, money=st.sampled_from([1.0, 200.0, 1e4, np.inf]), accuracy=st.floats(1e-3, 5.0))


def make_chosen(seed: int, tasks: int = 60, *, budget_share: float = 0.4) -> Chosen:
    """A window allocated within a budget that not always serves everybody."""
    rng = np.random.default_rng(seed)
    accuracy = rng.random((tasks, STRATEGIES))
    cost = np.ceil(100 * rng.lognormal(0, 1.5, (tasks, STRATEGIES)))
    cost[:, 1:][rng.random((tasks, STRATEGIES - 1)) < 0.2] = np.nan
    budget = budget_share * float(np.nanmean(cost, axis=1).sum())
    found = allocate(accuracy, cost, budget, deferral=Deferral.SERVE_MOST)
    worst = np.ceil(cost * (1 + rng.random(cost.shape)))
    return Chosen(choice=found.choice, accuracy=accuracy, cost=cost, worst_cost=worst, price=found.shadow_price)


def explore(chosen: Chosen, limits: Limits, *, outcomes: NDArray[np.int64] | None = None) -> Exploration:
    counts = np.full(STRATEGIES, 100) if outcomes is None else outcomes
    return plan_exploration(chosen, limits=limits, need=find_need(counts))


@settings(max_examples=80)
@given(SEEDS, LIMITS, st.floats(0.05, 1.5))
def test_chances_are_of_allowed_strategies_and_sum_to_one(seed: int, limits: Limits, budget_share: float) -> None:
    chosen = make_chosen(seed, budget_share=budget_share)
    explored = explore(chosen, limits)
    chances, served = explored.propensity, chosen.choice != DEFERRED
    assert (chances >= 0).all()
    assert (chances[np.isnan(chosen.cost)] == 0).all()
    assert chances[served].sum(axis=1) == pytest.approx(np.ones(served.sum()), abs=FLOAT32)
    assert (chances[~served] == 0).all()
    assert (chances[served, chosen.choice[served]] >= 1 - MOST_EXPLORED - FLOAT32).all()


@settings(max_examples=80)
@given(SEEDS, LIMITS)
def test_what_draws_cost_in_the_mean_is_within_the_limits_and_as_stated(seed: int, limits: Limits) -> None:
    chosen = make_chosen(seed)
    explored = explore(chosen, limits)
    losses, worst = np.nan_to_num(chosen.find_losses()), np.nan_to_num(chosen.find_worst_extra_costs())
    served, rows = chosen.choice != DEFERRED, np.arange(len(chosen.choice))
    off = explored.propensity.astype(np.float64)
    off[rows, chosen.choice] = 0
    off[~served] = 0
    assert explored.accuracy_given_up == pytest.approx((off * losses).sum(), rel=1e-9)
    assert explored.worst_extra_cost == pytest.approx((off * worst).sum(), rel=1e-9)
    assert explored.accuracy_given_up <= limits.accuracy
    assert explored.worst_extra_cost <= limits.money
    assert explored.extra_cost <= explored.worst_extra_cost * (1 + 1e-9)


@settings(max_examples=60)
@given(SEEDS, LIMITS)
def test_exploring_uses_up_a_limit_unless_every_task_is_explored_at_its_most(seed: int, limits: Limits) -> None:
    chosen = make_chosen(seed)
    explored = explore(chosen, limits)
    has_others = chosen.find_others().any(axis=1)
    kept = explored.propensity[np.arange(len(chosen.choice)), chosen.choice][has_others]
    used = max(explored.accuracy_given_up / limits.accuracy, explored.worst_extra_cost / limits.money)
    assert used > 1 - 1e-4 or (kept < 1 - MOST_EXPLORED + 1e-4).all()


@settings(max_examples=40)
@given(SEEDS, SEEDS)
def test_a_draw_takes_only_what_has_a_chance_and_is_the_same_for_the_same_seed(seed: int, lot: int) -> None:
    explored = explore(make_chosen(seed), Limits(money=np.inf, accuracy=5.0))
    drawn = explored.draw(lot)
    served = explored.choice != DEFERRED
    assert (drawn[~served] == DEFERRED).all()
    assert (explored.propensity[served, drawn[served]] > 0).all()
    assert (explored.draw(lot) == drawn).all()


def test_frequencies_of_many_draws_are_the_chances_and_tasks_are_independent() -> None:
    explored = explore(make_chosen(3, tasks=20), Limits(money=np.inf, accuracy=3.0))
    draws = np.stack([explored.draw(lot) for lot in range(20_000)])  # (draws, tasks)
    served = np.flatnonzero(explored.choice != DEFERRED)
    found = np.stack([(draws == column).mean(axis=0) for column in range(STRATEGIES)], axis=1)[served]
    expected = explored.propensity[served].astype(np.float64)
    error = np.sqrt(expected * (1 - expected) / len(draws))
    assert (np.abs(found - expected) <= 5 * error + FLOAT32).all()
    strayed = (draws != explored.choice)[:, served].astype(np.float64)
    strayed = strayed[:, strayed.std(axis=0) > 0]
    together = np.corrcoef(strayed, rowvar=False)
    assert np.abs(together[~np.eye(len(together), dtype=bool)]).max() < 5 / np.sqrt(len(draws))


def test_weighted_by_their_chances_draws_tell_what_every_strategy_would_have_done() -> None:
    explored = explore(make_chosen(8, tasks=40), Limits(money=np.inf, accuracy=4.0))
    chances, right = explored.propensity.astype(np.float64), np.random.default_rng(9).random((40, STRATEGIES)) < 0.6
    lots, rows = 5_000, np.arange(40)
    found = np.zeros((lots, STRATEGIES))
    for lot in range(lots):
        drawn = explored.draw(lot)
        served = rows[drawn != DEFERRED]
        np.add.at(found[lot], drawn[served], right[served, drawn[served]] / chances[served, drawn[served]])
    truth = np.where(chances > 0, right, 0).sum(axis=0)
    error = found.std(axis=0) / np.sqrt(lots)
    assert (np.abs(found.mean(axis=0) - truth) < 5 * error + FLOAT32).all()


def test_the_stated_deviation_is_that_of_the_draws_worst_costs() -> None:
    chosen = make_chosen(4)
    explored = explore(chosen, Limits(money=500.0, accuracy=5.0))
    rows, worst = np.arange(len(chosen.choice)), chosen.find_worst_extra_costs()
    totals = []
    for lot in range(4_000):
        strayed = rows[(drawn := explored.draw(lot)) != explored.choice]
        totals.append(worst[strayed, drawn[strayed]].sum())
    deviation = explored.worst_deviation
    assert np.mean(totals) == pytest.approx(explored.worst_extra_cost, abs=5 * deviation / np.sqrt(len(totals)))
    assert np.std(totals) == pytest.approx(deviation, rel=0.1)


@pytest.mark.parametrize("limits", [Limits(money=0.0, accuracy=1.0), Limits(money=np.inf, accuracy=0.0)])
def test_without_an_allowance_everybody_gets_the_best_choice_for_sure(limits: Limits) -> None:
    chosen = make_chosen(5)
    explored = explore(chosen, limits)
    served = chosen.choice != DEFERRED
    assert (explored.propensity[served, chosen.choice[served]] == 1).all()
    assert (explored.draw(1) == chosen.choice).all()
    assert (explored.accuracy_given_up, explored.worst_extra_cost) == (0, 0)


def test_a_price_without_end_and_a_window_without_a_choice_explore_nothing() -> None:
    chosen, limits = make_chosen(6), Limits(money=np.inf, accuracy=1.0)
    assert (explore(replace(chosen, price=np.inf), limits).draw(1) == chosen.choice).all()
    deferred = replace(chosen, choice=np.full_like(chosen.choice, DEFERRED))
    assert not explore(deferred, limits).propensity.any()


def test_a_strategy_with_few_outcomes_is_tried_more_than_one_that_is_known() -> None:
    chosen = make_chosen(7, tasks=400)
    off = {young: _count_tried(chosen, young) for young in (0, 4)}
    assert off[0][0] > 3 * off[4][0]
    assert off[4][4] > 3 * off[0][4]


def _count_tried(chosen: Chosen, young: int) -> NDArray[np.float64]:
    """(strategies,) tasks that are expected to try each, where all but one have many outcomes."""
    outcomes = np.where(np.arange(STRATEGIES) == young, 50, 5_000)
    chances = explore(chosen, Limits(money=np.inf, accuracy=2.0), outcomes=outcomes).propensity.astype(np.float64)
    chances[np.arange(len(chances)), chosen.choice] = 0
    return np.asarray(chances.sum(axis=0))


def test_doubtful_and_close_pairs_are_tried_more_than_clear_ones() -> None:
    """Four tasks alike but for the second strategy: close, far, close and sure, close and dear at its worst."""
    accuracy = np.array([[0.6, 0.55], [0.6, 0.2], [0.99, 0.98], [0.6, 0.55]])
    cost = np.full((4, 2), 10.0)
    worst = np.array([[20.0, 20.0], [20.0, 20.0], [20.0, 20.0], [20.0, 90.0]])
    chosen = Chosen(choice=np.zeros(4, dtype=np.int64), accuracy=accuracy, cost=cost, worst_cost=worst, price=0.0)
    tried = plan_exploration(chosen, limits=Limits(money=5.0, accuracy=0.02), need=np.ones(2)).propensity[:, 1]
    close, far, sure, dear = tried.tolist()
    assert close > far > 0
    assert close > dear > 0
    unsure = np.array([[0.25, 0.25], [0.25, 0.25], [0.25, 0.01], [0.25, 0.25]])
    known = plan_exploration(chosen, limits=Limits(money=5.0, accuracy=0.02), need=np.ones(2), doubt=unsure)
    assert known.propensity[2, 1] < sure


def test_the_accuracy_given_up_shrinks_as_strategies_become_known() -> None:
    points = [find_points(find_need([outcomes] * 3)) for outcomes in (0, 200, 1_000, 1_000_000)]
    assert points == sorted(points, reverse=True)
    assert points[:2] == pytest.approx([POINTS_AT_FIRST] * 2)
    assert points[2] < (POINTS_AT_FIRST + POINTS_LATER) / 2
    assert points[-1] == pytest.approx(POINTS_LATER, abs=1e-3)


def test_a_strategy_that_is_never_worth_trying_does_not_keep_the_others_exploring() -> None:
    assert find_points(find_need([200, 200, 5_000])) == find_points(find_need([5_000, 5_000, 5_000]))


def test_less_money_is_held_back_as_strategies_become_known() -> None:
    shares = [find_share(0.05, find_need([outcomes] * 3)) for outcomes in (0, 1_000, 1_000_000)]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] == pytest.approx(0.05)
    assert shares[-1] == pytest.approx(0.05 * POINTS_LATER / POINTS_AT_FIRST, rel=1e-2)
