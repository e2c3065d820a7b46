"""The numbers a report adds, against slow and obvious ones."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.report.amounts import choose_scale, say_cost, say_cost_against, say_cost_of, say_seconds, say_shadow_price
from gateway.report.explain import explain_choice, options_of, pick_examples
from gateway.report.measures import (
    accuracy_at,
    best_single,
    bin_accuracy,
    compare_with_singles,
    mixture_line,
    nice_ticks,
    thin_frontier,
    wilson_interval,
)
from gateway.report.routed import RoutedTasks, describe_plan, pair_costs
from gateway.report.values import JobReport, Option
from router.allocate import allocate
from router.units import Unit, parse_budget


def test_wilson_interval_is_the_published_one() -> None:
    assert wilson_interval(0.5, 10).low == pytest.approx(0.2366, abs=1e-4)
    assert wilson_interval(0.5, 10).high == pytest.approx(0.7634, abs=1e-4)
    assert wilson_interval(0.0, 0) == (0.0, 1.0)


def test_bins_hold_every_graded_task_once() -> None:
    rng = np.random.default_rng(1)
    predicted, grade = rng.random(95), rng.integers(0, 2, 95).astype(float)
    grade[:5] = np.nan
    bins = bin_accuracy(predicted, grade)
    assert sum(part.tasks for part in bins) == 90
    assert [part.predicted for part in bins] == sorted(part.predicted for part in bins)
    assert sum(part.observed * part.tasks for part in bins) == pytest.approx(np.nansum(grade))
    assert bin_accuracy([], []) == ()


def test_mixture_line_is_above_every_whole_strategy(report: JobReport) -> None:
    line = mixture_line(report.strategies, task_count=report.tasks.total)
    for strategy in report.strategies:
        reached = accuracy_at(line, strategy.alone_cost_quanta)
        if strategy.eligible_tasks == report.tasks.total:
            assert reached is not None
            assert reached >= strategy.alone_accuracy - 1e-12
    assert accuracy_at(line, line[0].cost_quanta * 0.99) is None


def test_a_thinned_frontier_keeps_its_ends() -> None:
    cost = np.cumsum(np.random.default_rng(2).exponential(size=5_000))
    points = thin_frontier(cost, np.sqrt(cost), task_count=10)
    assert len(points) <= 240
    assert (points[0].cost_quanta, points[-1].cost_quanta) == (cost[0], cost[-1])


def test_savings_compare_predicted_with_predicted(report: JobReport) -> None:
    vote = next(saving for saving in compare_with_singles(report) if saving.strategy == "vote-5")
    assert vote.accuracy_points == pytest.approx(report.predicted_accuracy - report.strategies[-1].alone_accuracy)
    best = best_single(report)
    assert best is not None
    assert best.strategy == "vote-5"


def test_costs_of_strategies_add_up_exactly(report: JobReport) -> None:
    assert sum(strategy.cost_quanta for strategy in report.strategies) == report.budget.spent_quanta
    assert sum(strategy.tasks for strategy in report.strategies) == report.tasks.total


def test_a_plan_states_means(routed: RoutedTasks) -> None:
    allocation = allocate(routed.accuracy, routed.cost_quanta, 7.4e12)
    plan = describe_plan(allocation, task_count=240)
    assert plan.accuracy == pytest.approx(allocation.accuracy / 240)
    assert plan.upper_bound is not None
    assert plan.accuracy <= plan.upper_bound <= plan.accuracy + 1e-3


def test_pairs_are_thinned_and_skip_what_did_not_run(routed: RoutedTasks) -> None:
    assert len(pair_costs(routed)) == 240
    assert len(pair_costs(routed, limit=50)) == 50


CHEAP = Option(strategy="direct", accuracy=0.30, cost_quanta=1e10)
MIDDLE = Option(strategy="program", accuracy=0.70, cost_quanta=3e10)
DEAR = Option(strategy="vote", accuracy=0.75, cost_quanta=9e10)


def test_an_explanation_weighs_what_was_paid_and_what_was_not() -> None:
    words = explain_choice((CHEAP, MIDDLE, DEAR), "program", shadow_price=4e-12, unit=Unit.FLOPS)
    assert words == (
        "2.00e10 FLOPs more raise the chance of a right answer from 30% (direct) to 70%. "
        "vote would add 5 points for 6.00e10 FLOPs more; spent on other tasks, that buys 24."
    )


def test_an_explanation_of_the_ends() -> None:
    only = explain_choice((CHEAP,), "direct", shadow_price=None, unit=Unit.FLOPS)
    assert only == "direct is the only strategy that can serve this task."
    pinned = explain_choice((), "direct", shadow_price=None, unit=Unit.FLOPS)
    assert "asked for it by name" in pinned
    best = explain_choice((CHEAP, MIDDLE), "program", shadow_price=None, unit=Unit.FLOPS)
    assert best.endswith("No dearer strategy is predicted to do better.")
    starved = explain_choice((CHEAP, MIDDLE), "direct", shadow_price=1e-13, unit=Unit.FLOPS)
    assert starved.endswith("which did not fit in what was left.")


def test_examples_show_different_strategies(routed: RoutedTasks) -> None:
    rows = pick_examples(routed, shadow_price=7e-12, limit=4)
    assert len({int(routed.choice[row]) for row in rows}) == 4
    assert [o.cost_quanta for o in options_of(routed, rows[0])] == sorted(
        o.cost_quanta for o in options_of(routed, rows[0])
    )


@given(st.floats(0, 1e18), st.sampled_from(list(Unit)))
def test_a_scale_keeps_numbers_short(quanta: float, unit: Unit) -> None:
    scale = choose_scale(unit, quanta)
    assert scale.value(quanta) < 1000.0001
    assert len(scale.text(quanta)) <= 8


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_ticks_lie_within_and_are_few(low: float, width: float) -> None:
    ticks = nice_ticks(low, low + width)
    assert 1 <= len(ticks) <= 7
    assert all(low - width * 1e-3 <= tick <= low + width * 1.001 for tick in ticks)


def test_words_for_amounts() -> None:
    assert say_cost(3.5e14, Unit.FLOPS) == "3.50e14 FLOPs"
    assert parse_budget(say_cost(3.5e14, Unit.FLOPS)) == parse_budget("3.5e14 FLOPs")
    assert say_cost_of(3.4e14, 3.5e14, Unit.FLOPS) == "3.40e14 of 3.50e14 FLOPs (97%)"
    assert (say_cost_against(0.67), say_cost_against(-1.4)) == ("saves 67%", "costs 2.4\N{MULTIPLICATION SIGN}")
    assert (say_cost_against(0.004), say_cost_against(-0.004)) == ("costs as much", "costs as much")
    assert say_shadow_price(1e-12, Unit.USD) == "one more right answer costs about 1.0000 USD at the margin"
    assert (say_seconds(1.26), say_seconds(151), say_seconds(7_500)) == ("1.3 s", "2 min 31 s", "2 h 05 min")
