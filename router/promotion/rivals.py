"""What a challenger has to beat beside its champion: the mean of a strategy's outcomes, and its nearest neighbours'."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from router.baselines.nearest_neighbours import HUNDRED, find_nearest

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Foreseen:
    """What was predicted of tasks (n,) by what had not learnt from them."""

    accuracy: Floats
    cost: Floats

    def take(self, rows: NDArray[np.bool_]) -> "Foreseen":
        """These rows only."""
        return Foreseen(accuracy=self.accuracy[rows], cost=self.cost[rows])


@dataclass(frozen=True, kw_only=True, eq=False)
class Past:
    """A strategy's outcomes (n,), each with the fold that it is held out with."""

    embeddings: NDArray[np.float32]  # (n, d)
    correct: Floats
    cost: Floats
    weight: Floats
    fold: NDArray[np.intp]

    @property
    def has_folds(self) -> bool:
        """Whether anything can be foreseen by others: all answers to one task lie in one fold."""
        return bool((self.fold != self.fold[:1]).any())


def foresee_constant(past: Past, asked: NDArray[np.bool_]) -> Foreseen:
    """For every row that is asked about the weighted means of the other folds."""
    accuracy, cost = np.empty(len(asked)), np.empty(len(asked))
    for rows, others in _hold_out(past, asked):
        accuracy[rows] = np.average(past.correct[others], weights=past.weight[others])
        cost[rows] = np.average(past.cost[others], weights=past.weight[others])
    return Foreseen(accuracy=accuracy, cost=cost).take(asked)


def foresee_by_neighbours(past: Past, asked: NDArray[np.bool_]) -> Foreseen:
    """For every row that is asked about the weighted means of its hundred nearest rows of other folds."""
    accuracy, cost = np.empty(len(asked)), np.empty(len(asked))
    for rows, others in _hold_out(past, asked):
        near = find_nearest(past.embeddings[rows], past.embeddings[others], HUNDRED)
        weight = past.weight[others][near]  # (m, neighbours)
        accuracy[rows] = np.average(past.correct[others][near], axis=1, weights=weight)
        cost[rows] = np.average(past.cost[others][near], axis=1, weights=weight)
    return Foreseen(accuracy=accuracy, cost=cost).take(asked)


def _hold_out(past: Past, asked: NDArray[np.bool_]) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """Fold by fold the rows that are asked about, and all rows of other folds."""
    for fold in np.unique(past.fold[asked]):
        own = past.fold == fold
        yield own & asked, ~own
