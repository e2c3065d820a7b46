"""Right answers beside predicted ones, by predicted accuracy: what a plot of calibration shows."""

import numpy as np

from router.promotion.comparison import BINS, HeldOut
from router.promotion.rivals import Foreseen

Point = tuple[float, float, float]  # predicted, observed, and the share of all weight


def trace_reliability(rows: HeldOut, foreseen: Foreseen) -> tuple[Point, ...]:
    """A point for each tenth of predicted accuracy in which there are outcomes."""
    place = np.minimum((foreseen.accuracy * BINS).astype(np.intp), BINS - 1)
    weight = np.bincount(place, weights=rows.weight, minlength=BINS)
    predicted = np.bincount(place, weights=rows.weight * foreseen.accuracy, minlength=BINS)
    observed = np.bincount(place, weights=rows.weight * rows.correct, minlength=BINS)
    return tuple(
        (
            float(predicted[bin_] / weight[bin_]),
            float(observed[bin_] / weight[bin_]),
            float(weight[bin_] / weight.sum()),
        )
        for bin_ in np.flatnonzero(weight).tolist()
    )
