"""What every baseline learns from and what it answers: one interface for all of them."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
Cells = NDArray[np.float64]
Labels = NDArray[np.str_]


class Outcomes(NamedTuple):
    """What every strategy did with n tasks."""

    embeddings: FloatArray  # (n, d)
    features: FloatArray  # (n, k), of the prompts as texts
    categories: Labels  # (n,)
    correct: Cells  # (n, strategies), 0..1
    cost: Cells  # (n, strategies)

    def take(self, rows: NDArray[np.intp]) -> "Outcomes":
        """These tasks only."""
        return Outcomes(
            self.embeddings[rows], self.features[rows], self.categories[rows], self.correct[rows], self.cost[rows]
        )

    def keep(self, columns: Sequence[int]) -> "Outcomes":
        """These strategies only."""
        chosen = list(columns)
        return self._replace(correct=self.correct[:, chosen], cost=self.cost[:, chosen])


class Estimates(NamedTuple):
    """What each strategy is expected to do with m tasks."""

    accuracy: Cells  # (m, strategies)
    cost: Cells  # (m, strategies)


class Tasks(NamedTuple):
    """What is known of m tasks before they are answered."""

    embeddings: FloatArray  # (m, d)
    features: FloatArray  # (m, k), of the prompts as texts
    categories: Labels  # (m,)
    truth: Estimates | None = None  # nobody knows it; only the oracle looks


Rows = TypeVar("Rows", Outcomes, Tasks)
Predict = Callable[[Tasks], Estimates]
Fit = Callable[[Outcomes, Outcomes, int], Predict]  # training and validation outcomes, seed


def join(train: Outcomes, validation: Outcomes) -> Outcomes:
    """Both, for a method that chooses nothing by validation."""
    return Outcomes(
        np.concatenate((train.embeddings, validation.embeddings)),
        np.concatenate((train.features, validation.features)),
        np.concatenate((train.categories, validation.categories)),
        np.concatenate((train.correct, validation.correct)),
        np.concatenate((train.cost, validation.cost)),
    )


def add_features(rows: Rows) -> Rows:
    """The same rows, their prompt features beside their embeddings, as the product's encoder gives them."""
    return rows._replace(embeddings=np.concatenate((rows.embeddings, rows.features), axis=1))
