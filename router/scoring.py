"""How good predicted probabilities are: log loss, Brier score, expected calibration error."""

import numpy as np
from numpy.typing import NDArray

CERTAINTY = 1e-4  # a probability is never scored as closer to 0 or 1 than this

Floats = NDArray[np.floating]


def log_loss(probability: Floats, correct: Floats, weight: Floats | None = None) -> float:
    """Mean negative log likelihood in nats; `correct` may be a fraction."""
    return float(np.average(list_log_losses(probability, correct), weights=weight))


def list_log_losses(probability: Floats, correct: Floats) -> NDArray[np.float64]:
    """Negative log likelihood of each, in nats."""
    likely = np.clip(np.asarray(probability, dtype=np.float64), CERTAINTY, 1 - CERTAINTY)
    return np.asarray(-(correct * np.log(likely) + (1 - correct) * np.log1p(-likely)), dtype=np.float64)


def brier_score(probability: Floats, correct: Floats, weight: Floats | None = None) -> float:
    """Mean squared distance between probability and outcome (Brier 1950)."""
    return float(np.average(np.square(np.asarray(probability, dtype=np.float64) - correct), weights=weight))


def expected_calibration_error(probability: Floats, correct: Floats, *, bins: int = 10) -> float:
    """Mean |predicted - observed| over equal-width bins, weighted by rows (Naeini et al. 2015)."""
    return float(np.abs(sum_excess(probability, correct, bins=bins)).sum() / len(correct))


def sum_excess(probability: Floats, correct: Floats, *, bins: int = 10) -> NDArray[np.float64]:
    """Predicted less observed right answers (bins,) over equal-width bins of the prediction."""
    slot = np.minimum((np.asarray(probability) * bins).astype(np.intp), bins - 1)
    excess = np.asarray(probability, dtype=np.float64) - correct
    return np.bincount(slot, weights=excess, minlength=bins).astype(np.float64)
