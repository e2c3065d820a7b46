"""Every strategy's folded pair side by side: predictions for a block of tasks in a few matrix products."""

from collections.abc import Sequence
from typing import NamedTuple

from router.fold import FloatArray, FoldedPair


class Predictions(NamedTuple):
    """What each strategy is expected to do with each task."""

    accuracy: FloatArray  # (tasks, strategies), in (0, 1)
    output_tokens: FloatArray  # (tasks, strategies), expected, > 0


class PredictorStack:
    """Serves several strategies' pairs at once, in the order given."""

    def __init__(self, pairs: Sequence[FoldedPair]) -> None:
        raise NotImplementedError

    def predict(self, embeddings: FloatArray) -> Predictions:
        """Predictions for embeddings (tasks, d); PredictorInputError on another dimension or a NaN."""
        raise NotImplementedError
