"""The long-form table: one row per (query, strategy). docs/outcome-tables.md says what its columns mean."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.datasets.errors import DatasetError
from bench.datasets.outcome_table import OutcomeTable
from bench.datasets.table_file import read_frame

REQUIRED = ("query_id", "query_text", "strategy", "correct")
COSTS = ("cost", "est_cost_usd")  # the first that has any value


def read_long_form(path: Path) -> OutcomeTable:
    """The outcomes in a parquet file; DatasetError names what is missing."""
    return tabulate_long_form(read_rows(path), name=path.stem)


def read_rows(path: Path) -> pd.DataFrame:
    """The rows of a parquet file that have a text."""
    frame = read_frame(path)
    missing = [column for column in REQUIRED if column not in frame]
    if missing:
        raise DatasetError(f"{path.name} has no column {', '.join(missing)}: see docs/outcome-tables.md")
    rows = frame[has_text(frame["query_text"])]
    if rows.empty:
        raise DatasetError(f"{path.name}: no row has a text: see docs/outcome-tables.md")
    return rows


def has_text(texts: pd.Series) -> "pd.Series[bool]":
    """Whether there is anything that the encoder could read."""
    return texts.notna() & (texts.astype(str).str.strip() != "")


def tabulate_long_form(
    rows: pd.DataFrame,
    *,
    name: str,
    cost_column: str | None = None,
    group_columns: Sequence[str] = ("query_text",),
    unit: str = "USD",
    notes: Sequence[str] = (),
) -> OutcomeTable:
    """Rows as arrays, queries and strategies in the order of their names."""
    _check_rows(rows, name=name)
    cost_column = cost_column or find_cost_column(rows, name=name)
    queries = rows.drop_duplicates("query_id").set_index("query_id").sort_index()
    strategies = sorted(rows["strategy"].unique())
    category = queries["task_category"] if "task_category" in queries else pd.Series("", index=queries.index)
    if cost_column != COSTS[0]:
        notes = [*notes, f"costs are estimates (column {cost_column})"]
    return OutcomeTable(
        name=name,
        texts=queries["query_text"].astype(str).tolist(),
        groups=join_columns(queries, group_columns),
        category=category.fillna("").to_numpy(dtype=np.str_),
        strategies=strategies,
        correct=_pivot(rows, "correct", queries.index, strategies, name=name),
        cost=_pivot(rows, cost_column, queries.index, strategies, name=name),
        input_tokens=_tokens(rows, "input_tokens", queries.index, strategies, name=name),
        output_tokens=_tokens(rows, "output_tokens", queries.index, strategies, name=name),
        unit=unit,
        notes=notes,
    )


def find_cost_column(rows: pd.DataFrame, *, name: str) -> str:
    """The measured cost where there is one, else the estimate; DatasetError when there is neither."""
    for column in COSTS:
        if column in rows and rows[column].notna().any():
            return column
    raise DatasetError(f"{name}: neither {' nor '.join(COSTS)} has a value: routing needs costs")


def join_columns(queries: pd.DataFrame, columns: Sequence[str]) -> NDArray[np.str_]:
    """One label (queries,) for each distinct combination of these columns."""
    labels = queries[list(columns)].astype(str).agg("\x1f".join, axis=1)
    return np.asarray(labels.to_numpy(dtype=np.str_))


def to_numbers(values: pd.Series, identifiers: pd.Series, *, table: str) -> NDArray[np.float64]:
    """A column as numbers, NaN where nothing was measured; DatasetError names the first that is none."""
    numbers = pd.to_numeric(values, errors="coerce")
    wrong = numbers.isna() & values.notna()
    if wrong.any():
        raise DatasetError(
            f"{table}: {values.name} of {identifiers[wrong].iloc[0]} is not a number: {values[wrong].iloc[0]}"
        )
    return np.asarray(numbers.to_numpy(dtype=np.float64, na_value=np.nan))


def _check_rows(rows: pd.DataFrame, *, name: str) -> None:
    """DatasetError for rows that do not say which query and strategy they are of, or say it twice."""
    for column in ("query_id", "strategy"):
        if rows[column].isna().any():
            raise DatasetError(f"{name}: rows without a {column}: {rows[column].isna().sum()} of {len(rows)}")
    repeated = rows.duplicated(["query_id", "strategy"])
    if repeated.any():
        row = rows[repeated].iloc[0]
        raise DatasetError(
            f"{name}: {row['query_id']} has more than one outcome of {row['strategy']}: keep one row for each pair"
        )
    texts = rows.drop_duplicates(["query_id", "query_text"])["query_id"]
    ambiguous = texts[texts.duplicated()]
    if not ambiguous.empty:
        raise DatasetError(f"{name}: {ambiguous.iloc[0]} has more than one text: give each an identifier of its own")


def _tokens(
    rows: pd.DataFrame, column: str, index: pd.Index, strategies: Sequence[str], *, name: str
) -> NDArray[np.float64]:
    for source in (column, f"est_{column}"):
        if source in rows and rows[source].notna().any():
            return _pivot(rows, source, index, strategies, name=name)
    return np.full((len(index), len(strategies)), np.nan)


def _pivot(
    rows: pd.DataFrame, column: str, index: pd.Index, strategies: Sequence[str], *, name: str
) -> NDArray[np.float64]:
    cells = np.full((len(index), len(strategies)), np.nan)
    row = index.get_indexer(rows["query_id"])
    column_of = pd.Index(strategies).get_indexer(rows["strategy"])
    cells[row, column_of] = to_numbers(rows[column], rows["query_id"], table=name)
    return cells
