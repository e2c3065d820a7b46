"""A champion after an alarm, which corrects it by more than anybody is sure of, as a challenger has to beat it."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from router.drift.correction import LARGEST_OFFSET
from router.platt import NEWTON_STEPS, log_odds_of, sigmoid
from router.promotion.comparison import HeldOut, measure
from router.promotion.rivals import Floats, Foreseen

PRIOR = 1.0  # holds an offset at 0, as one log-odds of standard deviation


def correct_anew(rows: HeldOut, uncorrected: Foreseen, fold: NDArray[np.intp]) -> Foreseen:
    """What is foreseen of rows (n,), each with the offset of log-odds that fits the rows of other folds.

    A correction comes to that by itself, once an alarm's stretch is no more than its own outcomes.
    """
    odds, offset = log_odds_of(uncorrected.accuracy), np.zeros(len(fold))
    for held_out in np.unique(fold):
        others = fold != held_out
        offset[~others] = _fit_offset(odds[others], rows.correct[others], rows.weight[others])
    return Foreseen(accuracy=sigmoid(odds + offset), cost=uncorrected.cost)


def _fit_offset(odds: Floats, correct: Floats, weight: Floats) -> float:
    """Penalised maximum likelihood."""
    offset = 0.0
    for _ in range(NEWTON_STEPS):
        likely = sigmoid(odds + offset)
        gradient = float(weight @ (likely - correct)) + PRIOR * offset
        offset -= gradient / (float(weight @ (likely * (1 - likely))) + PRIOR)
        offset = min(max(offset, -LARGEST_OFFSET), LARGEST_OFFSET)
    return offset


def pick_closer(rows: HeldOut, one: Foreseen, other: Foreseen) -> Foreseen:
    """Whichever has the lower log loss."""
    return other if measure(rows, other).log_loss < measure(rows, one).log_loss else one


def foresee_after_alarm(rows: HeldOut, served: Foreseen, uncorrected: Foreseen, fold: NDArray[np.intp]) -> Foreseen:
    """The champion of rows (n,) as it serves, or with an offset that other folds give it, whichever is the closer."""
    anew = correct_anew(rows, uncorrected, fold)
    return pick_closer(rows, served, replace(anew, cost=served.cost))
