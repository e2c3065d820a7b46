"""Splits, areas, bootstrap and cost shares against values worked out by hand."""

import numpy as np
import pytest

from bench.decision_curve import LEVELS, cost_share_to_reach, set_budgets, trace_curve, weigh_levels
from bench.paired_bootstrap import bootstrap_difference
from bench.splits import hold_out, split_by_group
from router.baselines.outcomes import Estimates


@pytest.mark.parametrize("seed", range(10))
def test_a_split_never_separates_equal_texts(seed: int) -> None:
    generator = np.random.default_rng(seed)
    groups = generator.integers(120, size=400).astype(np.str_)
    split = split_by_group(groups, seed=seed)
    parts = [set(groups[rows]) for rows in (split.train, split.validation, split.test)]
    assert not parts[0] & parts[1] | parts[0] & parts[2] | parts[1] & parts[2]
    assert sorted(np.concatenate((split.train, split.validation, split.test))) == list(range(400))
    assert [len(split.train), len(split.validation), len(split.test)] == pytest.approx([240, 40, 120], abs=12)


def test_a_split_of_distinct_texts_is_60_10_30_and_its_seed_decides_it() -> None:
    groups = np.arange(100).astype(np.str_)
    split = split_by_group(groups, seed=3)
    assert [len(split.train), len(split.validation), len(split.test)] == [60, 10, 30]
    assert np.array_equal(split.test, split_by_group(groups, seed=3).test)
    assert not np.array_equal(split.test, split_by_group(groups, seed=4).test)


def test_holding_out_a_category_tests_on_it_alone() -> None:
    groups = np.arange(100).astype(np.str_)
    split = hold_out(np.arange(100) < 20, groups, seed=0)
    assert sorted(split.test) == list(range(20))
    assert [len(split.train), len(split.validation)] == [72, 8]


def test_what_is_held_out_is_not_learnt_under_another_category() -> None:
    groups = np.arange(100).astype(np.str_)
    groups[90:] = groups[:10]  # ten of the held-out texts stand in another category too
    split = hold_out(np.arange(100) < 20, groups, seed=0)
    assert sorted(split.test) == list(range(20))
    assert sorted(np.concatenate((split.train, split.validation))) == list(range(20, 90))


def test_levels_that_spend_their_budgets_weigh_as_in_the_trapezoid() -> None:
    curve = np.array([0.2, 0.3, 0.5, 0.55, 0.6, 0.62, 0.7, 0.71])
    weights = weigh_levels(7 + 2 * np.array(LEVELS), least=7, most=9)
    assert weights @ curve == pytest.approx(np.trapezoid(curve, LEVELS), abs=1e-5)
    assert weights.sum() == pytest.approx(1)


def test_spending_more_than_the_budget_buys_nothing() -> None:
    reached = np.array([0.0, 1.0])  # a straight line up to twice the largest budget: half of it counts
    assert weigh_levels(np.array([0.0, 2.0]), least=0, most=1) @ reached == pytest.approx(0.25)
    assert weigh_levels(np.array([0.0, 0.5]), least=0, most=1) @ reached == pytest.approx(0.75)


def test_a_curve_charges_true_costs_for_choices_on_predictions() -> None:
    truth = Estimates(np.array([[0.0, 1.0], [1.0, 1.0]]), np.array([[1.0, 5.0], [1.0, 4.0]]))
    budgets = set_budgets(truth, cheapest=0, best=1)
    assert budgets == pytest.approx(2 + 7 * np.array(LEVELS))
    predicted = Estimates(np.array([[0.1, 0.9], [0.5, 0.6]]), np.array([[1.0, 4.0], [1.0, 4.0]]))
    curve = trace_curve(predicted, truth, budgets)
    half = LEVELS.index(0.5)  # a budget of 5.5: the first task's upgrade, predicted to cost 3
    assert curve.choice[half].tolist() == [1, 0]
    assert (curve.spend[half], curve.predicted_spend[half]) == (6.0, 5.0)
    assert curve.accuracy[half] == 1.0
    assert curve.accuracy[0] == 0.5
    assert 0.5 < curve.area_by_task.mean() < 1


def test_a_budget_below_the_predicted_cheapest_gets_the_cheapest() -> None:
    truth = Estimates(np.array([[0.0, 1.0]]), np.array([[1.0, 2.0]]))
    predicted = Estimates(np.array([[np.nan, 0.5]]), np.array([[1.0, 9.0]]))  # the first is not allowed
    assert trace_curve(predicted, truth, np.array([1.0])).choice.tolist() == [[1]]


def test_the_cost_share_to_an_accuracy_is_interpolated() -> None:
    spend, reached = np.array([1.0, 2.0, 6.0]), np.array([0.2, 0.4, 0.8])
    assert cost_share_to_reach(0.6, spend, reached, full_cost=8.0) == pytest.approx(0.5)
    assert cost_share_to_reach(0.1, spend, reached, full_cost=8.0) == pytest.approx(1 / 8)
    assert np.isnan(cost_share_to_reach(0.9, spend, reached, full_cost=8.0))


def test_the_bootstrap_interval_is_that_of_the_mean() -> None:
    generator = np.random.default_rng(0)
    difference = generator.normal(0.1, 1.0, size=2000)
    interval = bootstrap_difference(difference, np.arange(2000).astype(np.str_))
    error = difference.std() / np.sqrt(2000)
    assert interval.mean == pytest.approx(difference.mean())
    assert interval.low == pytest.approx(difference.mean() - 1.96 * error, abs=0.15 * error)
    assert interval.high == pytest.approx(difference.mean() + 1.96 * error, abs=0.15 * error)


def test_the_bootstrap_resamples_whole_groups() -> None:
    difference = np.repeat(np.random.default_rng(1).normal(size=50), 40)
    apart = bootstrap_difference(difference, np.arange(2000).astype(np.str_))
    together = bootstrap_difference(difference, np.repeat(np.arange(50), 40).astype(np.str_))
    assert together.high - together.low > 4 * (apart.high - apart.low)
    constant = bootstrap_difference(np.full(10, 0.25), np.arange(10).astype(np.str_))
    assert constant == pytest.approx((0.25, 0.25, 0.25))
