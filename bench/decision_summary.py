"""The figures of every method on one data set, over all seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.calibration import Calibration, pool_calibration
from bench.datasets.outcome_table import OutcomeTable
from bench.decision_curve import cost_share_to_reach
from bench.decision_run import Run, Trial
from bench.paired_bootstrap import Interval, bootstrap_difference

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Summary:
    """One method on one data set: means over seeds, calibration over all of them together."""

    area: float
    accuracy: Floats  # (levels,)
    spend: Floats  # (levels,), as a share of the best single strategy's cost
    spend_over_budget: Floats  # (levels,)
    spend_over_predicted: float  # all levels together
    brier: float
    calibration_error: Calibration
    chosen_calibration_error: Calibration
    cost_error: float
    training_seconds: float
    serving_microseconds: float
    share_to_best_single: float  # of the best single strategy's cost, to reach its accuracy; NaN: never, or no trial
    area_behind: Interval | None  # the own method's area less this one's; None for the own one
    brier_behind: Interval | None  # this one's Brier score less the own one's


@dataclass(frozen=True, kw_only=True, eq=False)
class DatasetResult:
    """Every method on one data set."""

    table: OutcomeTable
    best_single: tuple[float, float]  # its mean accuracy; its mean cost a query, in the table's unit
    cheapest: tuple[float, float]
    summaries: Mapping[str, Summary]


def summarise(
    table: OutcomeTable, trials: Sequence[Trial], runs: Mapping[str, Sequence[Run]], *, own: str | None
) -> DatasetResult:
    """Runs by method, one for each trial; differences are from the own method, where it took part."""
    groups = np.concatenate([trial.groups for trial in trials])
    best = _single(trials, [trial.best for trial in trials])
    cheapest = _single(trials, [trial.cheapest for trial in trials])
    return DatasetResult(
        table=table,
        best_single=best,
        cheapest=cheapest,
        summaries={
            name: _summarise(done, runs.get(own) if own else None, trials, groups) for name, done in runs.items()
        },
    )


def _single(trials: Sequence[Trial], columns: Sequence[int]) -> tuple[float, float]:
    """Mean accuracy and mean cost a query of one strategy in each trial."""
    accuracy, cost = (
        _mean([getattr(trial.truth, part)[:, column].mean() for trial, column in zip(trials, columns, strict=True)])
        for part in ("accuracy", "cost")
    )
    return accuracy, cost


def _summarise(
    done: Sequence[Run],
    own: Sequence[Run] | None,
    trials: Sequence[Trial],
    groups: NDArray[np.str_],
) -> Summary:
    full = [trial.truth.cost[:, trial.best].sum() for trial in trials]  # of one split the best may be the cheapest
    accuracy = np.mean([run.curve.accuracy for run in done], axis=0)
    spend = np.mean([run.curve.spend for run in done], axis=0) / np.mean(full)
    behind = own is not None and own is not done
    return Summary(
        area=_mean([run.curve.area_by_task.mean() for run in done]),
        accuracy=accuracy,
        spend=spend,
        spend_over_budget=np.mean([run.curve.spend / run.curve.budget for run in done], axis=0),
        spend_over_predicted=_mean([run.curve.spend.sum() / run.curve.predicted_spend.sum() for run in done]),
        brier=_mean([run.brier_by_task.mean() for run in done]),
        calibration_error=pool_calibration([run.calibration for run in done]),
        chosen_calibration_error=pool_calibration([run.chosen_calibration for run in done]),
        cost_error=_mean([run.cost_error for run in done]),
        training_seconds=_mean([run.training_seconds for run in done]),
        serving_microseconds=_mean([run.serving_microseconds for run in done]),
        share_to_best_single=_share_to_best_single(done, trials),
        area_behind=_compare(own, done, "area", groups) if behind and own else None,
        brier_behind=_compare(done, own, "brier", groups) if behind and own else None,
    )


def _share_to_best_single(done: Sequence[Run], trials: Sequence[Trial]) -> float:
    """Over the trials in which the best single strategy is not the cheapest too: nothing costs less than that."""
    apart = [(run, trial) for run, trial in zip(done, trials, strict=True) if trial.best != trial.cheapest]
    if not apart:
        return float("nan")
    best = _mean([trial.truth.accuracy[:, trial.best].mean() for _, trial in apart])
    full = _mean([trial.truth.cost[:, trial.best].sum() for _, trial in apart])
    spend = np.mean([run.curve.spend for run, _ in apart], axis=0) / full
    accuracy = np.mean([run.curve.accuracy for run, _ in apart], axis=0)
    return cost_share_to_reach(best, spend, accuracy, full_cost=1.0)


def _compare(first: Sequence[Run], second: Sequence[Run], what: str, groups: NDArray[np.str_]) -> Interval:
    def by_task(runs: Sequence[Run]) -> Floats:
        return np.concatenate([run.curve.area_by_task if what == "area" else run.brier_by_task for run in runs])

    return bootstrap_difference(by_task(first) - by_task(second), groups)


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))
