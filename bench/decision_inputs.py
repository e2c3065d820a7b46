"""What every bench of decisions reads: outcome tables and their embeddings."""

import argparse
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path

from bench.datasets.errors import DatasetError
from bench.datasets.outcome_table import OutcomeTable
from bench.datasets.registry import read_folder
from bench.datasets.shipped import read_shipped_recording
from router.prompt_features import FEATURES
from worker.encoder import SentenceEncoder
from worker.task_encoder import TaskEncoder

FloatArray = NDArray[np.float32]

SEEDS, QUICK_QUERIES, QUICK_STRATEGIES = 3, 400, 5


class Embedded(NamedTuple):
    """A complete table, and what the encoder makes of its queries."""

    table: OutcomeTable
    embeddings: FloatArray  # (queries, d)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The part of the command line that all of them share."""
    parser.add_argument("--data", type=Path, help="a folder of outcome tables; without it, the shipped recording")
    parser.add_argument("--datasets", nargs="+", default=[], metavar="NAME", help="only these tables of the folder")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="splits to average over")
    parser.add_argument("--first-seed", type=int, default=0, help="the number of the first split")
    parser.add_argument("--queries", type=int, help="at most this many queries of each set")
    parser.add_argument("--strategies", type=int, help="at most this many strategies, spread over their costs")
    parser.add_argument("--costs", choices=("query", "mean"), default="query", help="true costs, or a mean a strategy")
    parser.add_argument("--cache", type=Path, default=user_cache_path("apportion"), help="where embeddings are kept")
    parser.add_argument("--quick", action="store_true", help="one seed, 400 queries, 5 strategies: under 50 s")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")


def parse(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """The arguments, with what --quick stands for filled in; `seeds` are the numbers of the splits."""
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.seeds, arguments.queries, arguments.strategies = 1, QUICK_QUERIES, QUICK_STRATEGIES
    arguments.seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    return arguments


def read_inputs(arguments: argparse.Namespace) -> Iterator[Embedded]:
    """The data sets, each with what the product's encoder makes of its queries."""
    encoder = SentenceEncoder(threads=1)
    for table in read_tables(arguments):
        yield Embedded(table, embed(table, encoder, cache=arguments.cache))


def read_tables(arguments: argparse.Namespace) -> Iterator[OutcomeTable]:
    """The data sets of the folder, or the shipped recording; one thread from here on. SystemExit says what is wrong."""
    import torch

    torch.set_num_threads(1)
    try:  # all of them first: a bad table is found before hours are spent on good ones
        tables = [
            table.complete().thin(queries=arguments.queries, strategies=arguments.strategies)
            for table in _read_tables(arguments)
        ]
    except DatasetError as error:
        raise SystemExit(f"bench: {error}") from error
    yield from tables


def embed(table: OutcomeTable, encoder: SentenceEncoder, *, cache: Path) -> FloatArray:
    """Embeddings (queries, d) without prompt features: methods that read those make them again from the texts."""
    keeping = TaskEncoder(encoder, cache_directory=cache)
    return keeping.encode(table.texts, progress=partial(_tell_encoding, table.name))[:, :-FEATURES]


def tell(message: str) -> None:
    """Progress, beside the figures."""
    print(message, file=sys.stderr, flush=True)


def _read_tables(arguments: argparse.Namespace) -> Iterator[OutcomeTable]:
    if arguments.data is not None:
        yield from read_folder(arguments.data, names=arguments.datasets)
        return
    print("no --data folder: this is the shipped recording, ten strategies of one small model on 480 short prompts\n")
    yield read_shipped_recording()


def _tell_encoding(name: str, done: int, total: int) -> None:
    tell(f"{name}: encoding new texts, once: {done} of {total}")
