"""A challenger's errors on held-out outcomes beside a rival's, with intervals of the differences."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from router.promotion.clustered import ClusteredMean, Interval, estimate_mean
from router.promotion.rivals import Foreseen
from router.scoring import list_log_losses

BINS = 10  # of predicted accuracy, in the calibration error
RESAMPLES = 400
LEAST_COST = 1e-9

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class HeldOut:
    """Recent outcomes (n,) of a strategy that neither side has learnt from."""

    correct: Floats  # 0..1
    cost: Floats
    weight: Floats  # inverse propensity, clipped
    window: NDArray[np.int64]

    def take(self, rows: NDArray[np.bool_]) -> "HeldOut":
        """These rows only."""
        return HeldOut(
            correct=self.correct[rows], cost=self.cost[rows], weight=self.weight[rows], window=self.window[rows]
        )


@dataclass(frozen=True, kw_only=True)
class PredictionErrors:
    """How wrong predictions are; less is better in all of them."""

    log_loss: float
    brier: float
    calibration_error: float  # expected, over ten bins of predicted accuracy
    cost_error: float  # mean distance of predicted and true cost, as a share of the mean cost


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The challenger's errors less the rival's: below 0 where the challenger is better."""

    rival: PredictionErrors
    log_loss: ClusteredMean
    brier: ClusteredMean
    calibration_error: Interval
    cost_error: ClusteredMean


def measure(rows: HeldOut, foreseen: Foreseen) -> PredictionErrors:
    """The weighted means of every kind of error."""
    losses = [_list_log_losses, _list_squares, _list_cost_errors]
    log_loss, brier, cost_error = (float(np.average(each(rows, foreseen), weights=rows.weight)) for each in losses)
    excess, weight = _sum_by_window(rows, foreseen)
    return PredictionErrors(
        log_loss=log_loss,
        brier=brier,
        calibration_error=float(np.abs(excess.sum(axis=0)).sum() / weight.sum()),
        cost_error=cost_error,
    )


def compare(rows: HeldOut, challenger: Foreseen, rival: Foreseen) -> Comparison:
    """Both on the same rows, so that what makes a row hard for both cancels."""

    def subtract(errors: Floats, others: Floats) -> ClusteredMean:
        return estimate_mean(errors - others, rows.window, rows.weight)

    return Comparison(
        rival=measure(rows, rival),
        log_loss=subtract(_list_log_losses(rows, challenger), _list_log_losses(rows, rival)),
        brier=subtract(_list_squares(rows, challenger), _list_squares(rows, rival)),
        calibration_error=_resample_calibration(rows, challenger, rival),
        cost_error=subtract(_list_cost_errors(rows, challenger), _list_cost_errors(rows, rival)),
    )


def _list_log_losses(rows: HeldOut, foreseen: Foreseen) -> Floats:
    return list_log_losses(foreseen.accuracy, rows.correct)


def _list_squares(rows: HeldOut, foreseen: Foreseen) -> Floats:
    squares: Floats = np.square(foreseen.accuracy - rows.correct)
    return squares


def _list_cost_errors(rows: HeldOut, foreseen: Foreseen) -> Floats:
    mean = max(float(np.average(rows.cost, weights=rows.weight)), LEAST_COST)
    distances: Floats = np.abs(foreseen.cost - rows.cost) / mean
    return distances


def _resample_calibration(rows: HeldOut, challenger: Foreseen, rival: Foreseen) -> Interval:
    """95 % limits of the difference of calibration errors, whole windows drawn again (Efron 1979)."""
    ours, weight = _sum_by_window(rows, challenger)
    theirs, _ = _sum_by_window(rows, rival)
    windows = len(weight)
    drawn = np.random.default_rng(0).multinomial(windows, np.full(windows, 1 / windows), size=RESAMPLES)
    difference = (np.abs(drawn @ ours).sum(axis=1) - np.abs(drawn @ theirs).sum(axis=1)) / (drawn @ weight)
    low, high = np.quantile(difference, (0.025, 0.975))
    return Interval(float(low), float(high))


def _sum_by_window(rows: HeldOut, foreseen: Foreseen) -> tuple[Floats, Floats]:
    """Predicted less observed right answers (windows, bins), and the weight of the windows."""
    _, place = np.unique(rows.window, return_inverse=True)
    windows = int(place.max()) + 1
    bin_ = np.minimum((foreseen.accuracy * BINS).astype(np.intp), BINS - 1)
    excess = np.bincount(
        place * BINS + bin_, weights=rows.weight * (foreseen.accuracy - rows.correct), minlength=windows * BINS
    )
    total = np.bincount(place, weights=rows.weight)
    return excess.reshape(windows, BINS).astype(np.float64), total.astype(np.float64)
