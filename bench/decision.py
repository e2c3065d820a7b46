"""Prints how well every method's predictions decide, on every data set of a folder.

    python -m bench.decision [--data FOLDER] [--datasets NAME ...] [--methods NAME ...] [--seeds N] [--costs query|mean]
                             [--queries N] [--strategies N] [--quick] [--json] [--plot FILE]

Each data set is split 60/10/30 by text (by rule where queries share one). A method learns from the first two parts;
its predictions are allocated within budgets between all-cheapest and best-single; the true outcomes are what counts.
Without a folder the shipped recording is used: docs/outcome-tables.md says how to bring data of one's own, and
bench/datasets where the public sets come from. --quick (under 50 s): one seed, at most 400 queries and 5 strategies.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path

from bench.datasets.outcome_table import OutcomeTable
from bench.datasets.registry import read_folder
from bench.datasets.shipped import read_shipped_recording
from bench.decision_goals import compare_with_goals
from bench.decision_plot import plot_results
from bench.decision_run import Run, prepare_trial, run_method
from bench.decision_summary import DatasetResult, summarise
from bench.decision_table import format_overview, format_result
from bench.embedding_cache import EmbeddingCache
from bench.figures import print_figures
from bench.splits import split_by_group
from router.baselines.registry import METHODS, OWN
from worker.encoder import SentenceEncoder

SEEDS, QUICK_QUERIES, QUICK_STRATEGIES = 3, 400, 5


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """How each data set is cut and who takes part."""

    methods: Sequence[str]
    seeds: int
    queries: int | None
    strategies: int | None
    mean_costs: bool


def measure(table: OutcomeTable, cache: EmbeddingCache, protocol: Protocol) -> DatasetResult:
    """Every method, every seed."""
    table = table.complete().thin(queries=protocol.queries, strategies=protocol.strategies)
    embeddings = cache.embed(
        table.texts, report=lambda new: tell(f"{table.name}: encoding {new} of {len(table)} texts, once")
    )
    trials, runs = [], {name: list[Run]() for name in protocol.methods}
    for seed in range(protocol.seeds):
        split = split_by_group(table.groups, seed=seed)
        trials.append(prepare_trial(table, embeddings, split, mean_costs=protocol.mean_costs))
        for name in protocol.methods:
            tell(f"{table.name}: seed {seed + 1} of {protocol.seeds}, {name}")
            runs[name].append(run_method(METHODS[name].fit, trials[-1], seed=seed))
    return summarise(table, trials, runs, own=OWN if OWN in protocol.methods else None)


def read_tables(data: Path | None, names: Sequence[str]) -> Iterator[OutcomeTable]:
    """The folder's data sets, or the shipped recording."""
    if data is not None:
        yield from read_folder(data, names=names)
        return
    print("no --data folder: this is the shipped recording, ten strategies of one small model on 480 short prompts\n")
    yield read_shipped_recording()


def tell(message: str) -> None:
    """Progress, beside the figures."""
    print(message, file=sys.stderr, flush=True)


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="a folder of outcome tables")
    parser.add_argument("--datasets", nargs="+", default=[], metavar="NAME", help="only these tables of the folder")
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=METHODS, metavar="NAME")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="splits to average over")
    parser.add_argument("--costs", choices=("query", "mean"), default="query", help="true costs, or a mean a strategy")
    parser.add_argument("--queries", type=int, help="at most this many queries of each set")
    parser.add_argument("--strategies", type=int, help="at most this many strategies, spread over their costs")
    parser.add_argument("--cache", type=Path, default=user_cache_path("apportion") / "embeddings")
    parser.add_argument("--quick", action="store_true", help="under 50 s")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    parser.add_argument("--plot", type=Path, help="draw the curves to this file")
    return parser.parse_args()


def main() -> None:
    """Measure, print, draw, and say what was missed."""
    arguments = parse_arguments()
    quick = arguments.quick
    protocol = Protocol(
        methods=arguments.methods,
        seeds=1 if quick else arguments.seeds,
        queries=QUICK_QUERIES if quick else arguments.queries,
        strategies=QUICK_STRATEGIES if quick else arguments.strategies,
        mean_costs=arguments.costs == "mean",
    )
    import torch

    torch.set_num_threads(1)
    cache = EmbeddingCache(arguments.cache, SentenceEncoder(threads=1))
    results = []
    for table in read_tables(arguments.data, arguments.datasets):
        results.append(measure(table, cache, protocol))
        print(format_result(results[-1]), end="\n\n", flush=True)
    print(format_overview(results), end="\n\n")
    if arguments.plot is not None:
        plot_results(results, path=arguments.plot)
    print_figures(compare_with_goals(results), as_json=arguments.json)


if __name__ == "__main__":
    main()
