"""Prints what second chances make of the example night at equal budgets, and how well failures are understood.

    python -m bench.second_chances [--quick] [--json]

Nothing is generated: the engine's part is played by the shipped recording. The router learns from one half of the
calibration tasks and answers the other half, through the real database, ledger and dispatcher, once with second chances
and once without, within the same budgets; then the other way round. Nothing is explored in either.

Below that, the predictions for tasks on which one strategy has failed: as they are, shifted by the stated priors, and
shifted as the calibration taught, by their log loss on the tasks that were not learnt from.

--quick (under 50 s) does one of the halves, within two budgets.
"""

import argparse
import logging
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from sqlalchemy import text

from bench.budget_runs import PLAIN, BudgetRun, run_budgets
from bench.figures import Figure, print_figures
from bench.private_workshop import open_private_workshop, read_tasks
from bench.recorded_learning import learn_from
from bench.replay_engine import ReplayEngine, index_completions
from db.second_chances import FailureCount, count_second_chances
from db.session import session_scope
from db.tasks import NewTask
from gateway.live.plain_view import PlainView
from gateway.report.amounts import choose_scale
from router.failure_shift import FailureShifts, learn_shifts
from router.second_chance import Failure, GivenAnswer, judge_answer
from router.units import BudgetPercent
from worker.bootstrap import Workshop
from worker.engines.identity import EngineIdentity
from worker.past_failures import learn_terms
from worker.planning import read_predictors
from worker.recording import Recording, read_recording
from worker.task_line import parse_task_line
from worker.task_vectors import TaskVectors

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
PERCENTAGES, QUICK_PERCENTAGES = (5, 10, 25, 50, 75, 100), (10, 50)
ONCE = replace(PLAIN, exploration=0.0)
TWICE = replace(ONCE, second_chances=True)
MEAN_PRICE = text("SELECT coalesce(avg(shadow_price), 0)::float8 FROM task_window WHERE job_id = :job_id")


class Pair(NamedTuple):
    """The same tasks within the same budget, without and with second chances."""

    once: BudgetRun
    twice: BudgetRun
    counts: Sequence[FailureCount]
    price: float  # right answers a quantum, as its windows had it in the mean

    @property
    def gained(self) -> float:
        """Right answers: those of second answers that are final, less those of the first ones that they replaced."""
        return sum(own.right_after - own.right_before for own in self.counts)

    @property
    def cost(self) -> int:
        """Quanta that were spent on second answers."""
        return sum(own.cost for own in self.counts)

    @property
    def elsewhere(self) -> float:
        """Right answers that the same money would have bought at the job's own price."""
        return self.price * self.cost


class Losses(NamedTuple):
    """Log losses of predictions for tasks on which another strategy has failed."""

    pairs: int  # of a task and a strategy that was not the one that failed
    plain: float
    prior: float
    learnt: float


class HalfNight(NamedTuple):
    """What was measured on one half of the tasks, having learnt from the other."""

    tasks: int
    pairs: Sequence[Pair]
    losses: Losses


def measure_half(workshop: Workshop, *, recording: Recording, first: int, percentages: Sequence[int]) -> HalfNight:
    """The half of the tasks that does not begin at `first`."""
    calibration = read_tasks(workshop, EXAMPLES / "calibration.jsonl")
    learn_from(workshop, tasks=calibration[first::2], recording=recording)
    tasks = calibration[1 - first :: 2]
    completions = index_completions(recording, tasks=tasks, pool=workshop.pool)
    identities = {name: EngineIdentity(**identity) for name, identity in recording.engines.items()}
    run = partial(
        run_budgets,
        workshop,
        tasks=tasks,
        budgets={f"{percent}%": BudgetPercent(percent=Decimal(percent)) for percent in percentages},
        build=lambda model: ReplayEngine(model, completions=completions, identity=identities[model.spec.name]),
    )
    losses = measure_losses(workshop, tasks=tasks, recording=recording)
    runs = zip(run(asked=ONCE), run(asked=TWICE), strict=True)
    with session_scope(workshop.database) as session:
        pairs = [
            Pair(
                once,
                twice,
                count_second_chances(session, job_id=twice.job_id),
                session.execute(MEAN_PRICE, {"job_id": twice.job_id}).scalar_one(),
            )
            for once, twice in runs
        ]
    return HalfNight(len(tasks), pairs, losses)


def measure_losses(workshop: Workshop, *, tasks: Sequence[NewTask], recording: Recording) -> Losses:
    """Of every strategy but the one that failed, on every failure of the tasks."""
    predictors, vectors = read_predictors(workshop), TaskVectors(workshop.encoder, watch=workshop.watch)
    ids = workshop.strategy_ids
    with session_scope(workshop.database) as session:
        terms = learn_terms(session, strategy_ids=ids, pool=workshop.pool, predictors=predictors, vectors=vectors)
    accuracy = predictors.stack.predict(vectors.of([task.payload for task in tasks])).accuracy.astype(np.float64)
    correct, failed = _tabulate(workshop, tasks=tasks, recording=recording)
    rows = [failure.row for failure in failed]
    known = ~np.isnan(correct[rows])
    known[np.arange(len(failed)), [failure.column for failure in failed]] = False

    def measure(shifts: FailureShifts | None) -> float:
        predicted = accuracy[rows]
        if shifts is not None:
            columns, failures = [own.column for own in failed], [own.failure for own in failed]
            predicted = shifts.condition(predicted, failures=failures, failed=columns)
        right, chance = correct[rows][known], predicted[known]
        return float(-np.mean(right * np.log(chance) + (1 - right) * np.log1p(-chance)))

    prior = learn_shifts({}, strategies=len(ids))
    return Losses(int(known.sum()), measure(None), measure(prior), measure(terms.shifts))


class _Failed(NamedTuple):
    row: int
    column: int
    failure: Failure


def _tabulate(
    workshop: Workshop, *, tasks: Sequence[NewTask], recording: Recording
) -> tuple[NDArray[np.float64], list[_Failed]]:
    """Every grade (tasks, strategies), NaN where there is none, and every invalid answer."""
    row_of = {task.custom_id: row for row, task in enumerate(tasks)}
    lines = [parse_task_line(task.payload) for task in tasks]
    names = list(workshop.pool.names)
    correct, failed = np.full((len(tasks), len(names)), np.nan), []
    for outcome in recording.outcomes:
        if outcome.custom_id not in row_of:
            continue
        row, column = row_of[outcome.custom_id], names.index(outcome.strategy)
        correct[row, column] = np.nan if outcome.correct is None else outcome.correct
        given = GivenAnswer(outcome.answer, outcome.texts, outcome.correct)
        method = workshop.pool.strategies[column].strategy.decoding
        failure = judge_answer(given, task=lines[row].prompt, grader=lines[row].grader, method=method).failure
        if failure is not None:
            failed.append(_Failed(row, column, failure))
    return correct, failed


def print_half(half: HalfNight, recording: Recording) -> None:
    """Every budget, and what second chances came to within it."""
    scale = choose_scale(recording.unit, max(pair.once.budget for pair in half.pairs))
    print(f"\n{half.tasks} tasks; amounts in {scale.label}")
    print(
        "budget          spent once   twice   right once   twice  invalid  again replaced    cost  more right elsewhere"
    )
    for pair in half.pairs:
        once, twice = pair.once, pair.twice
        invalid, again, replaced = (
            sum(getattr(own, name) for own in pair.counts) for name in ("tasks", "asked", "replaced")
        )
        spends = f"{once.name:>6}{scale.text(once.budget):>9}{scale.text(once.spent):>11}{scale.text(twice.spent):>8}"
        shares = f"{once.correct / half.tasks:>13.1%}{twice.correct / half.tasks:>8.1%}"
        bought = f"{scale.text(pair.cost):>8}{pair.gained:>12.1f}{pair.elsewhere:>10.2f}"
        print(f"{spends}{shares}{invalid:>9}{again:>7}{replaced:>9}{bought}")
    losses = half.losses
    print(
        f"log loss after another's failure ({losses.pairs} pairs): {losses.plain:.4f} as predicted, "
        f"{losses.prior:.4f} with the priors, {losses.learnt:.4f} as learnt"
    )


def judge(halves: Sequence[HalfNight]) -> list[Figure]:
    """What is to hold over all budgets together; two runs of one budget differ by points where money is short."""
    pairs = [pair for half in halves for pair in half.pairs]
    tasks = sum(half.tasks * len(half.pairs) for half in halves)
    gain = 100 * sum(pair.twice.correct - pair.once.correct for pair in pairs) / tasks
    net = sum(pair.gained - pair.elsewhere for pair in pairs)
    most = max(run.spent / run.budget for pair in pairs for run in (pair.once, pair.twice))
    unanswered = sum(max(0, pair.twice.unanswered - pair.once.unanswered) for pair in pairs)
    weight = sum(half.losses.pairs for half in halves)
    plain, learnt = (
        sum(getattr(half.losses, name) * half.losses.pairs for half in halves) / weight for name in ("plain", "learnt")
    )
    return [
        Figure("gain of second chances at equal budgets", gain, "points", "> 0", gain > 0),
        Figure("right answers bought, more than the money would have bought elsewhere", net, "tasks", "> 0", net > 0),
        Figure("spend, the most of any run", most, "of the budget", "<= 1", most <= 1),
        Figure("tasks without an answer, more than without", unanswered, "tasks", "0", unanswered == 0),
        Figure("log loss after a failure, less than as predicted", plain - learnt, "nats", "> 0", plain > learnt),
    ]


def main() -> None:
    """Run all of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one half, two budgets, under 50 s")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    recording, halves = read_recording(EXAMPLES / "recorded_outcomes.jsonl"), []
    for first in (0,) if arguments.quick else (0, 1):
        with (
            PlainView(Console(stderr=True)) as view,
            open_private_workshop(EXAMPLES / "strategies.yaml", view=view) as workshop,
        ):
            percentages = QUICK_PERCENTAGES if arguments.quick else PERCENTAGES
            halves.append(measure_half(workshop, recording=recording, first=first, percentages=percentages))
        print_half(halves[-1], recording)
    print_figures(judge(halves), as_json=arguments.json)


if __name__ == "__main__":
    main()
