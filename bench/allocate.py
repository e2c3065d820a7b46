"""Prints how fast and how close to the best the allocator is, beside the published programme, HiGHS and CP-SAT.

    python -m bench.allocate [--quick] [--json] [--plot FILE]

All solvers get the same instances, each in a process of its own. --quick (under 50 s) leaves out the largest sizes, and
stops other solvers after seconds. --plot draws the time of every solver against the number of tasks. The last line of
--json is one JSON object with the figures.
"""

import argparse
from pathlib import Path

from rich.console import Console

from bench.allocation_comparison import compare_constrained, compare_solvers, measure_first_call
from bench.allocation_plot import plot_times
from bench.allocation_scale import measure_adversarial, measure_million, measure_shapes, measure_windows
from bench.figures import print_figures


def main() -> None:
    """Run all of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller sizes, under 50 s")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw time against tasks as well")
    arguments = parser.parse_args()
    quick: bool = arguments.quick
    console = Console(width=150)
    figures = measure_first_call()
    figures += measure_windows()
    figures += measure_million(quick=quick)
    figures += measure_shapes(quick=quick)
    figures += measure_adversarial((100_000,) if quick else (100_000, 1_000_000))
    figures += compare_solvers(console, quick=quick, limit_seconds=1.0 if quick else 60.0)
    figures += compare_constrained(console, quick=quick)
    if arguments.plot:
        plot_times(arguments.plot, quick=quick)
    print_figures(figures, as_json=arguments.json)


if __name__ == "__main__":
    main()
