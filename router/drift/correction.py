"""What recent outcomes say about a strategy's predictions: an offset of the accuracy's log-odds, a ratio of costs."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from router.drift.tally import Tally
from router.platt import apply_platt

MEMORY = 400.0  # outcomes: one that many ago counts 1/e
AS_PREDICTED = 20.0  # outcomes that are taken to have been as predicted, beside those that were seen
LARGEST_OFFSET = 4.0  # log-odds: .98 becomes .5
COST_RATIOS = (0.25, 4.0)
# A change smaller than these is not worth that everything is priced anew.
LEAST_OFFSET = 0.15
LEAST_RATIO = 0.05


class Correction(NamedTuple):
    """How a strategy's predictions are corrected; as it stands, not at all."""

    offset: float = 0.0  # of the log-odds
    cost_ratio: float = 1.0

    def differs(self, other: "Correction") -> bool:
        """Whether the other is worth changing to."""
        ratio = abs(math.log(self.cost_ratio / other.cost_ratio))
        return abs(self.offset - other.offset) >= LEAST_OFFSET or ratio >= LEAST_RATIO


def estimate_correction(accuracies: Tally, costs: Tally) -> Correction:
    """The correction that recent outcomes ask for.

    What lies within one standard error of the mean is left alone: most strategies, most of the time, are as predicted.
    """
    return Correction(offset=_estimate_offset(accuracies), cost_ratio=_estimate_ratio(costs))


def correct_accuracy(accuracy: NDArray[np.float32], offset: NDArray[np.float32]) -> NDArray[np.float32]:
    """Accuracies (tasks, strategies) with their log-odds offset (strategies,); exactly as they were where that is 0."""
    return np.where(offset == 0, accuracy, apply_platt(accuracy, np.ones_like(offset), offset))


def _estimate_offset(seen: Tally) -> float:
    if not seen.outcomes:
        return 0.0
    predicted = min(max(seen.predicted / seen.outcomes, 0.001), 0.999)
    shrunk = seen.excess * seen.outcomes / (seen.outcomes + AS_PREDICTED)
    certain = _leave_out(shrunk, math.sqrt(predicted * (1 - predicted) / seen.outcomes))
    observed = min(max(predicted + certain, 0.001), 0.999)
    offset = math.log(observed / (1 - observed)) - math.log(predicted / (1 - predicted))
    return min(max(offset, -LARGEST_OFFSET), LARGEST_OFFSET)


def _estimate_ratio(seen: Tally) -> float:
    """From each outcome's cost as a share of what was predicted for it, which vary by about as much as their mean."""
    if not seen.outcomes:
        return 1.0
    shrunk = seen.excess * seen.outcomes / (seen.outcomes + AS_PREDICTED)
    certain = _leave_out(shrunk, 1 / math.sqrt(seen.outcomes))
    return min(max(1 + certain, COST_RATIOS[0]), COST_RATIOS[1])


def _leave_out(excess: float, error: float) -> float:
    """The excess beyond its error."""
    return math.copysign(max(abs(excess) - error, 0.0), excess)
