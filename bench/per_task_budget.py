"""Prints what one budget for all tasks gains over the same share of it for each task, on the same predictions.

python -m bench.per_task_budget [--data FOLDER] [--datasets NAME ...] [--seeds N] [--quick] [--json]
"""

import argparse
import json
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.decision_curve import LEVELS, trace_curve
from bench.decision_inputs import Embedded, add_arguments, parse, read_inputs, tell
from bench.decision_run import prepare_trial
from bench.decision_table import markdown
from bench.splits import split_by_group
from router.baselines.outcomes import Estimates
from router.baselines.registry import METHODS, OWN

Floats = NDArray[np.float64]


class Comparison(NamedTuple):
    """Accuracy and spend over budget of both, a row a level: one budget, then a cap a task."""

    accuracy: Floats  # (levels, 2)
    spend: Floats  # (levels, 2)


def choose_within_caps(estimates: Estimates, cap: float) -> NDArray[np.intp]:
    """For each task alone, the strategy predicted to be most accurate within the cap; the cheapest if none fits."""
    within = np.where(estimates.cost <= cap, estimates.accuracy, -np.inf)
    return np.where(np.isfinite(within).any(axis=1), within.argmax(axis=1), estimates.cost.argmin(axis=1))


def compare(given: Embedded, *, seed: int, mean_costs: bool) -> Comparison:
    """Our own predictor's estimates, allocated both ways."""
    split = split_by_group(given.table.groups, seed=seed)
    trial = prepare_trial(given.table, given.embeddings, split, mean_costs=mean_costs)
    estimates = METHODS[OWN].fit(*trial.seen, seed)(trial.tasks)
    curve, tasks = trace_curve(estimates, trial.truth, trial.budgets), np.arange(len(trial.groups))
    capped = np.stack([choose_within_caps(estimates, budget / len(tasks)) for budget in trial.budgets])
    return Comparison(
        np.column_stack((curve.accuracy, trial.truth.accuracy[tasks, capped].mean(axis=1))),
        np.column_stack((curve.spend, trial.truth.cost[tasks, capped].sum(axis=1))) / curve.budget[:, np.newaxis],
    )


def main() -> None:
    """A table for each data set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    arguments = parse(parser)
    gains = {}
    for given in read_inputs(arguments):
        tell(given.table.name)
        done = [compare(given, seed=seed, mean_costs=arguments.costs == "mean") for seed in arguments.seeds]
        accuracy, spend = (np.mean(part, axis=0) for part in zip(*done, strict=True))
        rows = [
            (f"{level:.0%}", *(f"{100 * a:.1f}" for a in both), f"{100 * (both[0] - both[1]):+.1f}",
             *(f"{s:.2f}" for s in spent))
            for level, both, spent in zip(LEVELS, accuracy, spend, strict=True)
        ]  # fmt: skip
        columns = ("budget", "one budget", "a cap a task", "gain, points", "its spend / budget", "caps' spend / budget")
        print(f"## {given.table.name}\n\n{markdown(columns, rows)}\n", flush=True)
        gains[given.table.name] = [float(100 * (both[0] - both[1])) for both in accuracy]
    if arguments.json:
        print(json.dumps({"levels": LEVELS, "gain_points": gains}))


if __name__ == "__main__":
    main()
