"""What a report claims of a job: only what was done, also where the budget or an engine left tasks unanswered."""

import io
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from rich.console import Console

from gateway.report.deadline import say_deadline
from gateway.report.html import render_html
from gateway.report.measures import compare_with_singles
from gateway.report.routed import RoutedTasks, predict_answered
from gateway.report.sentences import say_certificate, say_counts, say_price, say_right, say_tasks
from gateway.report.terminal import print_report
from gateway.report.values import JobReport

BURNED = 8 * 10**11


def cut_short(report: JobReport, *, burned_quanta: int = BURNED) -> JobReport:
    """The job when 100 of its 240 tasks were not reached by the budget, which the plan did not take for scarce."""
    return replace(
        report,
        tasks=replace(report.tasks, answered=140, beyond_budget=100),
        budget=replace(report.budget, burned_quanta=burned_quanta),
        plan=replace(report.plan, shadow_price=0.0),
        predicted_accuracy=0.25,
        observed_accuracy=0.24,
    )


def print_plain(report: JobReport) -> str:
    console = Console(width=120, file=io.StringIO(), record=True)
    print_report(console, report)
    return console.export_text()


def test_a_job_that_went_as_planned_has_its_certificate_and_price(report: JobReport) -> None:
    assert say_right(report) == "of 240 graded tasks are right"
    assert say_certificate(report) == "at most 0.04 points below the optimum (certified)"
    exact = replace(report, plan=replace(report.plan, upper_bound=report.predicted_accuracy))
    assert say_certificate(exact) == "the optimum for these predictions (proven)"
    assert say_price(report) == "one more right answer costs about 1.42e11 FLOPs at the margin"
    idle = replace(report, plan=replace(report.plan, shadow_price=0.0))
    assert say_price(idle) == "the budget does not bind: more of it would not buy another right answer"
    assert say_counts(report) == "240 of 240 answered"


def test_tasks_that_the_budget_did_not_reach_are_named_and_nothing_is_claimed_for_them(report: JobReport) -> None:
    short = cut_short(report)
    assert say_right(short) == "of 240 graded tasks are right; 140 of 240 answered"
    assert say_price(short) == "the budget did not reach 100 tasks; 8.00e11 FLOPs of it were burned by interrupted work"
    assert say_price(cut_short(report, burned_quanta=0)) == "the budget did not reach 100 tasks"
    assert say_counts(short) == "140 of 240 answered, 100 not reached by the budget"
    gap = 100 * (report.plan.accuracy + 0.0004 - 0.25)
    assert say_certificate(short) == f"at most {gap:.1f} points below the optimum (certified)"


@pytest.mark.parametrize("show", [print_plain, render_html])
def test_both_views_say_so(report: JobReport, show: Callable[[JobReport], str]) -> None:
    shown = show(cut_short(report))
    assert "the budget did not reach 100 tasks" in shown
    assert "of 240 graded tasks are right; 140 of 240 answered" in shown
    assert "24.0%" in shown
    for claim in ("does not bind", "proven", f"{100 * report.plan.accuracy:.1f}%,"):
        assert claim not in shown


def test_single_strategies_are_compared_with_what_was_done(report: JobReport) -> None:
    alone = {strategy.name: strategy.alone_accuracy for strategy in report.strategies}
    for saving in compare_with_singles(cut_short(report)):
        assert saving.accuracy_points == pytest.approx(0.25 - alone[saving.strategy])


def test_burned_money_is_no_proof_that_the_budget_does_not_bind(report: JobReport) -> None:
    """Every task was answered, but by cheaper strategies than planned."""
    burned = replace(report, budget=replace(report.budget, burned_quanta=BURNED), predicted_accuracy=0.25)
    assert say_price(burned) is None
    assert "below the optimum (certified)" in say_certificate(burned)
    assert say_price(replace(burned, plan=replace(report.plan, shadow_price=0.0))) is None


def test_a_job_under_way_claims_nothing_about_its_end(report: JobReport) -> None:
    half = replace(report, tasks=replace(report.tasks, answered=120, waiting=120), predicted_accuracy=0.2)
    assert say_price(half) is None
    planned = f"{100 * report.plan.accuracy:.1f}%"
    assert say_certificate(half) == f"for what is answered so far; {planned} is planned"
    assert say_counts(half) == "120 of 240 answered, 120 not answered yet"


def test_a_weight_has_an_optimum_and_no_bound(report: JobReport) -> None:
    free = replace(report, plan=replace(report.plan, upper_bound=None, shadow_price=None))
    assert say_certificate(free) == "the optimum for these predictions (proven)"
    failed = replace(free, tasks=replace(report.tasks, answered=200, failed=40), predicted_accuracy=0.2)
    assert say_certificate(failed) == f"for what was answered; {100 * report.plan.accuracy:.1f}% was planned"
    assert say_price(failed) is None
    assert say_counts(failed) == "200 of 240 answered, 40 refused by the engine"


def test_a_task_without_an_answer_counts_as_not_right(routed: RoutedTasks) -> None:
    chosen = routed.accuracy[np.arange(240), routed.choice]
    answered = np.arange(240) < 100
    assert predict_answered(routed) == pytest.approx(chosen.mean())
    assert predict_answered(replace(routed, answered=answered)) == pytest.approx(chosen[:100].sum() / 240)


def test_one_task_is_no_plural() -> None:
    assert [say_tasks(1), say_tasks(2), say_tasks(1, "graded")] == ["1 task", "2 tasks", "1 graded task"]


def test_a_deadline_says_which_engine_is_short_of_time() -> None:
    due = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert say_deadline(due, None) == "2026-01-02 03:04:05 UTC"
    kept = {"seconds_left": 60.0, "stretch": 1.0, "second_price": {"big": 0.02, "little": 0.0}}
    assert say_deadline(due, kept).endswith("UTC: big is full, a minute more of it would gain 1.2 right answers")
    assert say_deadline(due, kept | {"second_price": {"big": 0.0}}).endswith("UTC: no engine is short of time")
    late = say_deadline(due, kept | {"stretch": 1.336})
    assert late.endswith("will be missed, the work takes 1.34 times the time left")
