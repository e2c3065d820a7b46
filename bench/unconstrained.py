"""Prints accuracy and cost when accuracy has a price instead of a budget: CONCUR's frontier over w.

    python -m bench.unconstrained [--data FOLDER] [--datasets NAME ...] [--methods NAME ...] [--quick] [--json]

Each task gets the strategy with the largest w * accuracy - (1 - w) * cost / (the best single strategy's mean cost).
"""

import argparse
import json

import numpy as np

from bench.decision_inputs import Embedded, add_arguments, parse, read_inputs, tell
from bench.decision_run import prepare_trial
from bench.decision_table import markdown
from bench.splits import split_by_group
from router import allocate_weighted
from router.baselines.registry import METHODS, OWN

WEIGHTS = (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 1.0)
DEFAULT = (OWN, "constant", "kNN-100", "oracle")

Points = dict[str, list[list[float]]]  # by method: accuracy and cost over the best single's, for each w


def trace(given: Embedded, methods: list[str], *, seed: int, mean_costs: bool) -> Points:
    """True accuracy and cost of every w."""
    split = split_by_group(given.table.groups, seed=seed)
    trial = prepare_trial(given.table, given.embeddings, split, mean_costs=mean_costs)
    full = float(trial.truth.cost[:, trial.best].mean())
    tasks = np.arange(len(trial.groups))
    points: Points = {}
    for name in methods:
        tell(f"{given.table.name}: seed {seed}, {name}")
        estimates = METHODS[name].fit(*trial.seen, seed)(trial.tasks)
        chosen = [allocate_weighted(*estimates, w, full).choice for w in WEIGHTS]
        points[name] = [
            [float(trial.truth.accuracy[tasks, choice].mean()), float(trial.truth.cost[tasks, choice].mean() / full)]
            for choice in chosen
        ]
    return points


def main() -> None:
    """A table for each data set: accuracy, % at cost, % of the best single's."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--methods", nargs="+", default=list(DEFAULT), choices=METHODS, metavar="NAME")
    arguments = parse(parser)
    results = {}
    for given in read_inputs(arguments):
        done = [
            trace(given, arguments.methods, seed=seed, mean_costs=arguments.costs == "mean") for seed in arguments.seeds
        ]
        mean = {name: np.mean([points[name] for points in done], axis=0) for name in arguments.methods}  # (w, 2)
        rows = [
            (f"{w:g}", *(f"{100 * mean[name][place, 0]:.1f} at {mean[name][place, 1]:.0%}" for name in mean))
            for place, w in enumerate(WEIGHTS)
        ]
        print(f"## {given.table.name}\n\n{markdown(('w', *mean), rows)}\n", flush=True)
        results[given.table.name] = {name: points.tolist() for name, points in mean.items()}
    if arguments.json:
        print(json.dumps({"w": WEIGHTS, "accuracy_and_cost": results}))


if __name__ == "__main__":
    main()
