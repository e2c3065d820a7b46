"""One method, fitted and judged on one split of one data set."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.calibration import CalibrationSums, sum_calibration
from bench.datasets.outcome_table import OutcomeTable
from bench.decision_curve import Curve, set_budgets, trace_curve
from bench.splits import Split
from router.baselines.outcomes import Estimates, Fit, Outcomes, Predict, Tasks
from router.prompt_features import describe_prompts

Floats = NDArray[np.float64]

SERVED_TASKS = 1000  # a batch, when serving is timed


@dataclass(frozen=True, kw_only=True, eq=False)
class Trial:
    """What a method learns from, is asked, and what is true."""

    seen: tuple[Outcomes, Outcomes]  # training, validation
    tasks: Tasks
    truth: Estimates
    groups: NDArray[np.str_]  # (test tasks,)
    cheapest: int  # the strategy that was cheapest on the outcomes seen
    best: int  # the one that was most accurate there

    @property
    def budgets(self) -> Floats:
        """The budget of every level (levels,)."""
        return set_budgets(self.truth, cheapest=self.cheapest, best=self.best)


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """How one method did in one trial."""

    curve: Curve
    brier_by_task: Floats  # (tasks,), NaN for a method that knows some strategies only
    calibration: CalibrationSums
    chosen_calibration: CalibrationSums  # of what was chosen, all levels together
    cost_error: float  # mean absolute error, as a share of the mean cost
    training_seconds: float  # of CPU
    serving_microseconds: float  # of CPU, a task


def prepare_trial(table: OutcomeTable, embeddings: NDArray[np.float32], split: Split, *, mean_costs: bool) -> Trial:
    """A complete table with embeddings (queries, d), split; `mean_costs` gives every query its strategy's mean cost."""
    features = describe_prompts(table.texts)
    known = np.concatenate((split.train, split.validation))
    cost = np.broadcast_to(table.cost[known].mean(axis=0), table.cost.shape) if mean_costs else table.cost

    def outcomes(rows: NDArray[np.intp]) -> Outcomes:
        return Outcomes(embeddings[rows], features[rows], table.category[rows], table.correct[rows], cost[rows])

    truth = Estimates(table.correct[split.test], cost[split.test])
    return Trial(
        seen=(outcomes(split.train), outcomes(split.validation)),
        tasks=Tasks(embeddings[split.test], features[split.test], table.category[split.test], truth),
        truth=truth,
        groups=table.groups[split.test],
        cheapest=int(cost[known].mean(axis=0).argmin()),
        best=int(table.correct[known].mean(axis=0).argmax()),
    )


def run_method(fit: Fit, trial: Trial, *, seed: int) -> Run:
    """Fit, predict, allocate, charge."""
    started = time.process_time()
    predict = fit(*trial.seen, seed)
    training_seconds = time.process_time() - started
    return judge(predict(trial.tasks), trial, training_seconds, time_serving(predict, trial.tasks))


def judge(estimates: Estimates, trial: Trial, training_seconds: float, serving_microseconds: float) -> Run:
    """What these estimates are worth in this trial."""
    curve, truth = trace_curve(estimates, trial.truth, trial.budgets), trial.truth
    everything = np.nonzero(np.isfinite(estimates.accuracy))
    chosen = np.broadcast_to(np.arange(len(truth.accuracy)), curve.choice.shape).ravel(), curve.choice.ravel()
    return Run(
        curve=curve,
        brier_by_task=np.square(estimates.accuracy - truth.accuracy).mean(axis=1),
        calibration=sum_calibration(estimates.accuracy, truth.accuracy, everything),
        chosen_calibration=sum_calibration(estimates.accuracy, truth.accuracy, chosen),
        cost_error=float((np.abs(estimates.cost - truth.cost).mean(axis=0) / truth.cost.mean(axis=0)).mean()),
        training_seconds=training_seconds,
        serving_microseconds=serving_microseconds,
    )


def time_serving(predict: Predict, tasks: Tasks) -> float:
    """CPU microseconds a task in a batch of 1,000, the better of three."""
    rows = np.resize(np.arange(len(tasks.embeddings)), SERVED_TASKS)
    truth = None if tasks.truth is None else Estimates(tasks.truth.accuracy[rows], tasks.truth.cost[rows])
    batch = Tasks(tasks.embeddings[rows], tasks.features[rows], tasks.categories[rows], truth)
    return 1e6 * min(_cpu_seconds(lambda: predict(batch)) for _ in range(3)) / SERVED_TASKS


def _cpu_seconds(call: Callable[[], object]) -> float:
    started = time.process_time()
    call()
    return time.process_time() - started
