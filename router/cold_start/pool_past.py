"""What is known before a new strategy has answered anything, and what comes of its first answers."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from router.cold_start.placement import DoubleArray, FloatArray
from router.figures import TrainingFigures
from router.fold import FoldedPair


class KnownOutcomes(NamedTuple):
    """What several known strategies did with the same tasks."""

    embeddings: FloatArray  # (n, d)
    correct: DoubleArray  # (n, strategies), 0..1
    output_tokens: DoubleArray  # (n, strategies)

    def leave_out(self, embeddings: FloatArray) -> "KnownOutcomes":
        """Those of other tasks."""
        gone = {row.tobytes() for row in embeddings}
        kept = np.array([row.tobytes() not in gone for row in self.embeddings], dtype=bool)
        return KnownOutcomes(self.embeddings[kept], self.correct[kept], self.output_tokens[kept])


@dataclass(frozen=True, kw_only=True, eq=False)
class PoolPast:
    """What is known before a new strategy has answered anything."""

    tasks: FloatArray  # (m, d), of which only the clusters count
    outcomes: KnownOutcomes | None  # None: too few to learn from


class PlacedPair(NamedTuple):
    """A strategy's first pair, and how well it predicts the probes that it did not see."""

    pair: FoldedPair
    figures: TrainingFigures
