"""Prints what the router makes of the example night within a budget, beside everything it has to beat.

    python -m bench.main_job [--quick] [--json] [--plot FILE]

Every strategy answers the whole night, then the router answers it once for each budget, all on the real engine:
minutes. The router has learnt from the shipped recording of the calibration tasks, never from the night.

--quick (under 50 s) starts no model. The engine's part is played by the shipped recording: the router learns from one
half of the calibration tasks and answers the other half, through the real database, ledger and dispatcher, and every
request gets the answer and the cost that were recorded for it.
"""

import argparse
import logging
import statistics
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from bench.budget_runs import BudgetRun, Budgets, run_budgets
from bench.figures import Figure, print_figures
from bench.main_job_plot import plot_main_job
from bench.observed import Observed, tabulate
from bench.private_workshop import answer_all, open_private_workshop, read_tasks
from bench.recorded_learning import learn_from
from bench.replay_engine import ReplayEngine, index_completions
from gateway.live.plain_view import PlainView
from gateway.report.amounts import choose_scale
from router.units import Amount, BudgetPercent
from worker.bootstrap import Workshop, build_engine
from worker.engines.identity import EngineIdentity
from worker.recording import Recording, read_recording

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
CALIBRATION, NIGHT = EXAMPLES / "calibration.jsonl", EXAMPLES / "night.jsonl"
PERCENTAGES = (10, 25, 50, 75, 100)
AT_BEST, AT_DEAREST, HALF_WAY = "the best single's cost", "the dearest single's cost", "half-way to the best single's"
OVERHEAD_GOAL_MS = 1.0


class Measured(NamedTuple):
    """What there is to print."""

    tasks: int
    observed: Observed
    runs: list[BudgetRun]
    learnt_from: Recording
    answered_by: Recording  # whose engines gave the singles' answers, and the router's


def measure_night(workshop: Workshop) -> Measured:
    """The example night on the real engine; the predictors are trained before any of it is answered."""
    recording, tasks = _read_recording(), read_tasks(workshop, NIGHT)
    learn_from(workshop, tasks=read_tasks(workshop, CALIBRATION), recording=recording)
    answers = answer_all(workshop, NIGHT)
    observed = tabulate(answers, custom_ids=[task.custom_id for task in tasks])
    build = partial(build_engine, settings=workshop.settings)
    runs = run_budgets(workshop, tasks=tasks, budgets=choose_budgets(observed), build=build)
    return Measured(len(tasks), observed, runs, learnt_from=recording, answered_by=answers)


def measure_replay(workshop: Workshop) -> Measured:
    """Every second calibration task, answered as recorded; the predictors have seen only the others."""
    recording, calibration = _read_recording(), read_tasks(workshop, CALIBRATION)
    learn_from(workshop, tasks=calibration[::2], recording=recording)
    tasks = calibration[1::2]
    observed = tabulate(recording, custom_ids=[task.custom_id for task in tasks])
    completions = index_completions(recording, tasks=tasks, pool=workshop.pool)
    identities = {name: EngineIdentity(**identity) for name, identity in recording.engines.items()}
    runs = run_budgets(
        workshop,
        tasks=tasks,
        budgets=choose_budgets(observed),
        build=lambda model: ReplayEngine(model, completions=completions, identity=identities[model.spec.name]),
    )
    return Measured(len(tasks), observed, runs, learnt_from=recording, answered_by=recording)


_read_recording = partial(read_recording, EXAMPLES / "recorded_outcomes.jsonl")


def choose_budgets(observed: Observed) -> Budgets:
    """The percentages that a user would write, and the points at which single strategies are to be beaten."""
    best, dearest = observed.best_single.cost, observed.dearest_single.cost
    amounts = {HALF_WAY: (observed.cheapest_total + best) / 2, AT_BEST: best, AT_DEAREST: dearest}
    return {
        **{f"{percent}%": BudgetPercent(percent=Decimal(percent)) for percent in PERCENTAGES},
        **{name: Amount(unit=observed.unit, quanta=int(quanta)) for name, quanta in amounts.items()},
    }


def print_engines(measured: Measured) -> None:
    """Who answered, and whose answers the predictors know: grades of different engines or dtypes are not comparable."""
    for heading, recording in (("answers of", measured.answered_by), ("learnt from", measured.learnt_from)):
        for name, engine in recording.engines.items():
            words = f"{engine['package']} {engine['version']}, {engine['dtype']}, {engine['processor']}"
            print(f"{heading:<12} {name} on {words}")


def print_singles(measured: Measured) -> None:
    """Every strategy alone."""
    observed = measured.observed
    scale = choose_scale(observed.unit, observed.dearest_single.cost)
    print(f"\none strategy for all {measured.tasks} tasks{'right':>13}{scale.label:>14}")
    for name, correct, cost in sorted(zip(observed.strategies, *observed.totals, strict=True), key=lambda row: row[2]):
        print(f"    {name:<32}{correct / measured.tasks:>8.1%}{scale.text(cost):>14}")
    print(f"    {'the cheapest for each task':<40}{scale.text(observed.cheapest_total):>14}")


def print_runs(measured: Measured) -> None:
    """Every budget with what the router, the oracle, the best single strategy and the best mixture reach within it."""
    observed, tasks = measured.observed, measured.tasks
    scale = choose_scale(observed.unit, observed.dearest_single.cost)
    heading = f"within a budget, in {scale.label}"
    print(f"\n{heading:<34}  budget   spent   router   oracle   single  mixture")
    for run in sorted(measured.runs, key=lambda run: run.budget):
        single, mixture = observed.best_single_within(run.budget), observed.best_mixture_within(run.budget)
        reached = run.correct, observed.oracle_within(run.budget).correct, single.correct, mixture.correct
        amounts = f"{scale.text(run.budget):>8}{scale.text(run.spent):>8}"
        shares = "".join(f"{correct / tasks:>9.1%}" for correct in reached)
        print(f"    {run.name:<30}{amounts}{shares}  {mixture.name}")
        if run.unanswered:
            print(f"        {run.unanswered} tasks without an answer")
    overheads = ", ".join(f"{run.overhead_ms:.2f}" for run in measured.runs)
    print(f"\noverhead of each run, ms a task (everything but encoding and generation): {overheads}")


def judge(measured: Measured) -> list[Figure]:
    """The figures that the issue asks for."""
    observed, runs = measured.observed, {run.name: run for run in measured.runs}
    figures = [
        Figure(f"spend, {run.name}", run.spent / run.budget, "of the budget", "<= 1", run.within)
        for run in measured.runs
    ]
    best, dearest = observed.best_single.correct, observed.dearest_single.correct
    half_way = runs[HALF_WAY].budget
    yardstick = max(observed.best_single_within(half_way).correct, observed.best_mixture_within(half_way).correct)
    for name, bar, strictly in ((AT_BEST, best, False), (AT_DEAREST, dearest, True), (HALF_WAY, yardstick, True)):
        correct = runs[name].correct
        goal = f"{'>' if strictly else '>='} {100 * bar / measured.tasks:.1f}"
        met = correct > bar if strictly else correct >= bar
        figures.append(Figure(f"right, {name}", 100 * correct / measured.tasks, "% of tasks", goal, met))
    overhead = statistics.median(run.overhead_ms for run in measured.runs)
    goal = f"<= {OVERHEAD_GOAL_MS:g}"
    figures.append(Figure("overhead, median of the runs", overhead, "ms a task", goal, overhead <= OVERHEAD_GOAL_MS))
    return figures


def main() -> None:
    """Run all of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="recorded answers in the place of the engine, under 50 s")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    parser.add_argument("--plot", type=Path, help="draw accuracy against spend to this file")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    with (
        PlainView(Console(stderr=True)) as view,
        open_private_workshop(EXAMPLES / "strategies.yaml", view=view) as workshop,
    ):
        measured = (measure_replay if arguments.quick else measure_night)(workshop)
    title = "half of the calibration tasks, as recorded" if arguments.quick else "the example night, on the real engine"
    print(title)
    print_engines(measured)
    print_singles(measured)
    print_runs(measured)
    figures = judge(measured)
    if arguments.plot is not None:
        plot_main_job(measured.observed, measured.runs, path=arguments.plot, title=f"Right answers: {title}")
    print_figures(figures, as_json=arguments.json)


if __name__ == "__main__":
    main()
