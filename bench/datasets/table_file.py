"""A table in a file of either format."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from bench.datasets.errors import DatasetError

CSV = ".csv"


def read_frame(path: Path) -> pd.DataFrame:
    """All of it; DatasetError when it can not be opened."""
    with _naming(path):
        return pd.read_csv(path) if path.suffix == CSV else pd.read_parquet(path)


def read_columns(path: Path) -> set[str]:
    """The names of its columns, without reading the rest."""
    with _naming(path):
        if path.suffix == CSV:
            return set(pd.read_csv(path, nrows=0).columns)
        from pyarrow.parquet import read_schema

        return set(read_schema(path).names)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:  # what pyarrow and pandas raise for broken files derives from these two
        raise DatasetError(f"{path.name} can not be read ({error}): get or write it again") from error
