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
    return strike_cells(predictions, struck)


def exclude(predictions: Predictions, columns_by_row: Sequence[tuple[int, Sequence[int]]]) -> Predictions:
    """The same predictions with some strategies not eligible for some rows."""
    struck = np.zeros(predictions.cost.shape, dtype=bool)
    for row, columns in columns_by_row:
        struck[row, list(columns)] = True
    return strike_cells(predictions, struck)


def offer_none(predictions: Predictions) -> Predictions:
    """A copy with a last column more, which serves every task: no answer, worth nothing and free."""
    beside = ((0, 0), (0, 1))
    return Predictions(
        accuracy=np.pad(predictions.accuracy, beside),
        cost=np.pad(predictions.cost, beside),
        worst_cost=np.pad(predictions.worst_cost, beside),
        prompt_tokens=np.pad(predictions.prompt_tokens, beside),
    )


def widen(predictions: Predictions) -> Predictions:
    """A copy with a last column more, which is eligible for nothing."""
    beside = ((0, 0), (0, 1))
    return Predictions(
        accuracy=np.pad(predictions.accuracy, beside, constant_values=np.nan),
        cost=np.pad(predictions.cost, beside, constant_values=np.nan),
        worst_cost=np.pad(predictions.worst_cost, beside, constant_values=np.nan),
        prompt_tokens=np.pad(predictions.prompt_tokens, beside),
    )


def strike_cells(predictions: Predictions, struck: NDArray[np.bool_]) -> Predictions:
    """The same predictions with these cells (tasks, strategies) not eligible."""
    return Predictions(
        accuracy=np.where(struck, np.float32(np.nan), predictions.accuracy),
        cost=np.where(struck, np.nan, predictions.cost),
        worst_cost=np.where(struck, np.nan, predictions.worst_cost),
        prompt_tokens=predictions.prompt_tokens,
    )
