"""Prints what it takes to let strategies arrive one at a time: one pair each, or a joint model trained again each time.

    python -m bench.continual [--data FOLDER] [--datasets NAME ...] [--quick] [--json]

CONCUR reports 1.00x against 3.08x and 7.66x for joint models.
"""

import argparse
import json
import time
from typing import NamedTuple

import numpy as np

from bench.decision_inputs import Embedded, add_arguments, parse, read_inputs, tell
from bench.decision_run import Trial, judge, prepare_trial
from bench.decision_table import markdown
from bench.splits import split_by_group
from router.baselines.outcomes import Estimates, Fit
from router.baselines.registry import METHODS, OWN

JOINT = ("RTR", "EmbedLLM")


class Arrivals(NamedTuple):
    """All strategies having arrived."""

    seconds: float  # CPU, fitting for all arrivals together
    area: float  # with the whole pool


def add_one_by_one(fit: Fit, trial: Trial) -> tuple[Arrivals, bool]:
    """A pair for each arrival; whether training them together gives the very same predictions."""
    seconds, parts = 0.0, []
    for column in range(trial.truth.cost.shape[1]):
        tell(f"arrival {column + 1}: its own pair")
        train, validation = (outcomes.keep([column]) for outcomes in trial.seen)
        started = time.process_time()
        predict = fit(train, validation, 0)
        seconds += time.process_time() - started
        parts.append(predict(trial.tasks))
    estimates = Estimates(*(np.concatenate(cells, axis=1) for cells in zip(*parts, strict=True)))
    two = fit(trial.seen[0].keep([0, 1]), trial.seen[1].keep([0, 1]), 0)(trial.tasks)
    same = np.allclose(two.accuracy, estimates.accuracy[:, :2], atol=1e-5)
    return Arrivals(seconds, _area(estimates, trial)), same


def retrain_each_time(fit: Fit, trial: Trial, *, name: str) -> Arrivals:
    """Everything from scratch, for two strategies, then three, until all are there."""
    seconds = 0.0
    for count in range(2, trial.truth.cost.shape[1] + 1):
        tell(f"arrival {count}: {name} again")
        started = time.process_time()
        predict = fit(trial.seen[0].keep(range(count)), trial.seen[1].keep(range(count)), 0)
        seconds += time.process_time() - started
    return Arrivals(seconds, _area(predict(trial.tasks), trial))


def measure_arrivals(given: Embedded, *, mean_costs: bool) -> dict[str, Arrivals]:
    """Our own predictor and the joint models; SystemExit when a strategy's predictions depend on another's."""
    split = split_by_group(given.table.groups, seed=0)
    trial = prepare_trial(given.table, given.embeddings, split, mean_costs=mean_costs)
    own, same = add_one_by_one(METHODS[OWN].fit, trial)
    if not same:
        raise SystemExit("a strategy's predictions changed when another one was trained beside it")
    return {OWN: own} | {name: retrain_each_time(METHODS[name].fit, trial, name=name) for name in JOINT}


def main() -> None:
    """A table for each data set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    arguments = parse(parser)
    results = {}
    for given in read_inputs(arguments):
        done = measure_arrivals(given, mean_costs=arguments.costs == "mean")
        rows = [
            (name, f"{arrivals.seconds:.1f}", f"{arrivals.seconds / done[OWN].seconds:.2f}x", f"{arrivals.area:.4f}")
            for name, arrivals in done.items()
        ]
        print(f"## {given.table.name}: {len(given.table.strategies)} arrivals\n")
        print(markdown(("method", "CPU seconds", "of ours", "area in the end"), rows), end="\n\n", flush=True)
        results[given.table.name] = {name: arrivals._asdict() for name, arrivals in done.items()}
    if arguments.json:
        print(json.dumps({"arrivals": results}))


def _area(estimates: Estimates, trial: Trial) -> float:
    return float(judge(estimates, trial, 0.0, 0.0).curve.area_by_task.mean())


if __name__ == "__main__":
    main()
