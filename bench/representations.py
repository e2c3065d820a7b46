"""Prints what CONCUR's two representations are worth: universal, task-specific, and both.

python -m bench.representations [--data FOLDER] [--datasets NAME ...] [--seeds N] [--quick] [--json]
"""

import argparse
import json
from functools import partial

from bench.decision_inputs import add_arguments, parse, read_inputs
from bench.decision_measure import measure
from bench.decision_table import format_overview, format_result
from bench.splits import split_by_group
from router.baselines.concur import Representation, fit_concur


def main() -> None:
    """The decision bench with the three forms as its methods; differences are from the published form, both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    arguments = parse(parser)
    methods = {str(form): partial(fit_concur, representation=form) for form in Representation}
    results = []
    for given in read_inputs(arguments):
        splits = [split_by_group(given.table.groups, seed=seed) for seed in arguments.seeds]
        results.append(measure(given, splits, methods, own=Representation.BOTH, mean_costs=arguments.costs == "mean"))
        print(format_result(results[-1]), end="\n\n", flush=True)
    print(format_overview(results))
    if arguments.json:
        areas = {r.table.name: {name: summary.area for name, summary in r.summaries.items()} for r in results}
        print(json.dumps({"areas": areas}))


if __name__ == "__main__":
    main()
