"""Prints how well every method's predictions decide, on every data set of a folder.

    python -m bench.decision [--data FOLDER] [--datasets NAME ...] [--methods NAME ...] [--seeds N] [--first-seed N]
                             [--costs query|mean] [--queries N] [--strategies N] [--quick] [--json] [--plot FILE]

Each data set is split 60/10/30 by text (by rule where queries share one). A method learns from the first two parts;
its predictions are allocated within budgets between all-cheapest and best-single; the true outcomes are what counts.
Without a folder the shipped recording is used: docs/outcome-tables.md says how to bring data of one's own, and
bench/datasets where the public sets come from.
"""

import argparse
from pathlib import Path

from bench.decision_goals import compare_with_goals
from bench.decision_inputs import add_arguments, parse, read_inputs
from bench.decision_measure import measure
from bench.decision_plot import plot_results
from bench.decision_table import format_overview, format_result
from bench.figures import print_figures
from bench.splits import split_by_group
from router.baselines.registry import METHODS, OWN


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=METHODS, metavar="NAME")
    parser.add_argument("--plot", type=Path, help="draw the curves to this file")
    return parse(parser)


def main() -> None:
    """Measure, print, draw, and say what was missed."""
    arguments = parse_arguments()
    methods = {name: METHODS[name].fit for name in arguments.methods}
    results = []
    for given in read_inputs(arguments):
        splits = [split_by_group(given.table.groups, seed=seed) for seed in arguments.seeds]
        own = OWN if OWN in methods else None
        results.append(measure(given, splits, methods, own=own, mean_costs=arguments.costs == "mean"))
        print(format_result(results[-1]), end="\n\n", flush=True)
    print(format_overview(results), end="\n\n")
    if arguments.plot is not None:
        plot_results(results, path=arguments.plot)
    print_figures(compare_with_goals(results), as_json=arguments.json)


if __name__ == "__main__":
    main()
