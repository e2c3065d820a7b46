"""How well a strategy's outcomes are predicted by what did not see them."""

import numpy as np
from numpy.typing import NDArray

from router.constant import mean_output_tokens, shrunken_accuracy
from router.figures import Fallback, TrainingFigures
from router.outcome_rows import OutcomeRows
from router.scoring import brier_score, expected_calibration_error, log_loss


def measure_held_out(
    rows: OutcomeRows, held_out: NDArray[np.float64], *, smearing: float, fallback: Fallback
) -> TrainingFigures:
    """Figures of a pair whose out-of-fold accuracies (n,) these are."""
    mean = np.full(len(rows), shrunken_accuracy(rows))
    return TrainingFigures(
        outcomes=len(rows),
        mean_correct=float(np.average(rows.correct, weights=rows.weight)),
        mean_output_tokens=mean_output_tokens(rows),
        held_out_log_loss=log_loss(held_out, rows.correct, rows.weight),
        constant_log_loss=log_loss(mean, rows.correct, rows.weight),
        held_out_brier=brier_score(held_out, rows.correct, rows.weight),
        held_out_calibration_error=expected_calibration_error(held_out, rows.correct),
        smearing=smearing,
        fallback=fallback,
    )
