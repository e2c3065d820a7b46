"""Prints how methods decide on a kind of task they have never seen: one category left out at a time.

python -m bench.out_of_distribution [--data FOLDER] [--datasets NAME ...] [--methods NAME ...] [--quick] [--json]
"""

import argparse
import json

import numpy as np
from numpy.typing import NDArray

from bench.decision_inputs import add_arguments, parse, read_inputs
from bench.decision_measure import measure
from bench.decision_table import markdown
from bench.splits import hold_out
from router.baselines.registry import METHODS, OWN

DEFAULT = (OWN, "constant", "kNN-100", "K-means", "oracle")
LEAST_QUERIES = 60  # a smaller category says nothing


def choose_categories(category: NDArray[np.str_], *, most: int) -> list[str]:
    """The largest categories (queries,) that leave something to learn from."""
    names, counts = np.unique(category, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:most]
    return [str(names[place]) for place in order if LEAST_QUERIES <= counts[place] <= 0.7 * len(category)]


def main() -> None:
    """A row for each left-out category, a column for each method's area."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--methods", nargs="+", default=list(DEFAULT), choices=METHODS, metavar="NAME")
    parser.add_argument("--categories", type=int, default=5, help="at most this many, the largest first")
    arguments = parse(parser)
    methods = {name: METHODS[name].fit for name in arguments.methods}
    areas: dict[str, list[float]] = {}
    for given in read_inputs(arguments):
        for name in choose_categories(given.table.category, most=arguments.categories):
            split = hold_out(given.table.category == name, given.table.groups, seed=0)
            result = measure(given, [split], methods, own=None, mean_costs=arguments.costs == "mean")
            areas[f"{given.table.name}: {name}"] = [result.summaries[method].area for method in methods]
    rows = [(name, *(f"{area:.4f}" for area in row)) for name, row in areas.items()]
    means = np.mean(list(areas.values()), axis=0) if areas else []
    print(markdown(("left out", *methods), [*rows, ("mean", *(f"{area:.4f}" for area in means))]))
    if arguments.json:
        print(json.dumps({"methods": list(methods), "areas": areas}))


if __name__ == "__main__":
    main()
