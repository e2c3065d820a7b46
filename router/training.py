"""Training one strategy's pair from that strategy's outcomes only."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from router.fold import FloatArray
from router.predictor import PredictorConfig


class Fallback(StrEnum):
    """What stands in for a network that the outcomes can not support."""

    NONE = "none"  # both networks were trained
    CONSTANT_ACCURACY = "constant accuracy"  # one-sided outcomes: nearly all right or all wrong
    CONSTANT = "constant"  # too few outcomes: accuracy and output tokens are both means


@dataclass(frozen=True, kw_only=True)
class TrainingFigures:
    """What was learnt from, and how well it predicts outcomes it was not trained on."""

    outcomes: int
    mean_correct: float
    held_out_log_loss: float  # cross-fitted, calibrated
    constant_log_loss: float  # of always predicting the mean, cross-fitted too
    smearing: float
    fallback: Fallback


@dataclass(frozen=True, kw_only=True)
class TrainedPair:
    """A trained pair before folding."""

    figures: TrainingFigures


def train_pair(
    embeddings: FloatArray,
    correct: NDArray[np.floating],
    output_tokens: NDArray[np.floating],
    *,
    model_vector: FloatArray,
    decoding_vector: FloatArray,
    config: PredictorConfig,
    seed: int,
    weight: NDArray[np.floating] | None = None,
) -> TrainedPair:
    """A pair for one strategy from embeddings (n, d), correct (n,) in 0..1 and output tokens (n,); same seed, same pair."""
    raise NotImplementedError
