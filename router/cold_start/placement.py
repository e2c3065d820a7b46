"""What every way of meeting a new strategy has in common."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
DoubleArray = NDArray[np.float64]

Predict = Callable[[FloatArray], DoubleArray]  # embeddings (m, d) -> probabilities of a right answer (m,)


class Probes(NamedTuple):
    """What a new strategy did with the tasks it was asked."""

    embeddings: FloatArray  # (n, d)
    correct: DoubleArray  # (n,), 0..1
    weight: DoubleArray  # (n,), mean 1

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> "Probes":
        """These probes only."""
        return Probes(self.embeddings[rows], self.correct[rows], self.weight[rows])

    @property
    def mean(self) -> float:
        """Weighted mean correctness with one right and one wrong answer added, so never 0 or 1."""
        return float((self.weight @ self.correct + 1) / (self.weight.sum() + 2))


Place = Callable[[Probes], Predict]


def place_constant(probes: Probes) -> Predict:
    """The probes' mean for every task."""
    return lambda embeddings: np.full(len(embeddings), probes.mean)


def place_mean(first: Place, second: Place) -> Place:
    """Half of what each says."""

    def place(probes: Probes) -> Predict:
        one, other = first(probes), second(probes)
        return lambda embeddings: 0.5 * (one(embeddings) + other(embeddings))

    return place
