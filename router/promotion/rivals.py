"""What a challenger has to beat beside its champion: the mean of a strategy's outcomes, and its nearest neighbours'."""

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


def foresee_constant(past: Past) -> Foreseen:
    """For every row the weighted means of the other folds."""
    accuracy, cost = np.empty(len(past.fold)), np.empty(len(past.fold))
    for fold in np.unique(past.fold):
        asked = past.fold == fold
        accuracy[asked] = np.average(past.correct[~asked], weights=past.weight[~asked])
        cost[asked] = np.average(past.cost[~asked], weights=past.weight[~asked])
    return Foreseen(accuracy=accuracy, cost=cost)


def foresee_by_neighbours(past: Past) -> Foreseen:
    """For every row the weighted means of its hundred nearest rows of other folds."""
    accuracy, cost = np.empty(len(past.fold)), np.empty(len(past.fold))
    for fold in np.unique(past.fold):
        asked = past.fold == fold
        near = find_nearest(past.embeddings[asked], past.embeddings[~asked], HUNDRED)
        weight = past.weight[~asked][near]  # (m, neighbours)
        accuracy[asked] = np.average(past.correct[~asked][near], axis=1, weights=weight)
        cost[asked] = np.average(past.cost[~asked][near], axis=1, weights=weight)
    return Foreseen(accuracy=accuracy, cost=cost)
