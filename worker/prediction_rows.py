"""Rows and cells of predictions: some left out, some struck off."""

from collections.abc import Sequence
from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from db.predictions import Predictions


def find_servable(predictions: Predictions) -> NDArray[np.bool_]:
    """(tasks,): where at least one strategy is eligible."""
    return np.asarray(~np.isnan(predictions.cost).all(axis=1))


def take_rows(predictions: Predictions, rows: NDArray[np.bool_] | NDArray[np.int64] | slice) -> Predictions:
    """The predictions of these tasks."""
    return Predictions(
        accuracy=predictions.accuracy[rows],
        cost=predictions.cost[rows],
        worst_cost=predictions.worst_cost[rows],
        prompt_tokens=predictions.prompt_tokens[rows],
    )


def join_rows(parts: Sequence[Predictions]) -> Predictions:
    """The rows of all parts, at least one, in turn."""
    if len(parts) == 1:
        return parts[0]
    names = [field.name for field in fields(Predictions)]
    return Predictions(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


def strike(predictions: Predictions, *, columns: Sequence[int]) -> Predictions:
    """The same predictions with these strategies eligible for nothing."""
    if not columns:
        return predictions
    struck = np.zeros(predictions.cost.shape, dtype=bool)
    struck[:, list(columns)] = True
    return _strike_cells(predictions, struck)


def exclude(predictions: Predictions, columns_by_row: Sequence[tuple[int, Sequence[int]]]) -> Predictions:
    """The same predictions with some strategies not eligible for some rows."""
    struck = np.zeros(predictions.cost.shape, dtype=bool)
    for row, columns in columns_by_row:
        struck[row, list(columns)] = True
    return _strike_cells(predictions, struck)


def _strike_cells(predictions: Predictions, struck: NDArray[np.bool_]) -> Predictions:
    return Predictions(
        accuracy=np.where(struck, np.float32(np.nan), predictions.accuracy),
        cost=np.where(struck, np.nan, predictions.cost),
        worst_cost=np.where(struck, np.nan, predictions.worst_cost),
        prompt_tokens=predictions.prompt_tokens,
    )
