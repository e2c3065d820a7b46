"""How well a strategy's outcomes are predicted by what did not see them."""

import numpy as np
from numpy.typing import NDArray

from router.constant import mean_output_tokens, shrunken_accuracy
from router.figures import Fallback, TrainingFigures
from router.outcome_rows import OutcomeRows
from router.scoring import brier_score, expected_calibration_error, log_loss
from router.training_weights import count_effective


def measure_held_out(
    rows: OutcomeRows, held_out: NDArray[np.float64], *, smearing: float, fallback: Fallback
) -> TrainingFigures:
    """Figures of a pair whose out-of-fold accuracies (graded rows,) these are."""
    graded = rows.take_graded()
    mean = np.full(len(graded), shrunken_accuracy(graded))
    return TrainingFigures(
        outcomes=len(rows),
        graded=len(graded),
        effective=count_effective(graded.weight),
        mean_correct=float(np.average(graded.correct, weights=graded.weight)),
        mean_output_tokens=mean_output_tokens(rows),
        held_out_log_loss=log_loss(held_out, graded.correct, graded.weight),
        constant_log_loss=log_loss(mean, graded.correct, graded.weight),
        held_out_brier=brier_score(held_out, graded.correct, graded.weight),
        held_out_calibration_error=expected_calibration_error(held_out, graded.correct),
        smearing=smearing,
        fallback=fallback,
    )
