"""What is known about one strategy's training: kept with its predictor."""

from dataclasses import dataclass
from enum import StrEnum


class Fallback(StrEnum):
    """What stands in for a network that the outcomes can not support."""

    NONE = "none"  # both networks were trained
    CONSTANT_ACCURACY = "constant accuracy"  # one-sided outcomes: nearly all right or nearly all wrong
    COLD_START = "cold start"  # placed by its probes among the pool's past tasks; no network was trained
    IMPUTED = "imputed outcomes"  # taught what it would have done with the pool's past tasks, by its probes
    CONSTANT = "constant"  # outcomes of too few tasks: accuracy and output tokens are both means


COLD_STARTS = (Fallback.COLD_START, Fallback.IMPUTED)  # that say more than a constant


@dataclass(frozen=True, kw_only=True)
class TrainingFigures:
    """What was learnt from, and how well it predicts outcomes it was not trained on."""

    outcomes: int
    graded: int  # of those: the others teach output tokens only
    effective: float  # how many equally weighted graded outcomes would say as much
    mean_correct: float
    mean_output_tokens: float
    held_out_log_loss: (
        float  # cross-fitted (a cold start: cross-validated); equals the constant's when the accuracy is a constant
    )
    constant_log_loss: float  # of always predicting the mean
    held_out_brier: float
    held_out_calibration_error: float
    smearing: float  # true over predicted (1 + output tokens), out of fold
    fallback: Fallback
