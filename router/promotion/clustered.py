"""Means of rows that come in clusters, with what is known of their error.

Tasks of one window share their hour, their topic and their price, so they say less than as many tasks of many windows.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

STANDARD = NormalDist()


class Interval(NamedTuple):
    """Two-sided limits of a mean."""

    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class ClusteredMean:
    """A weighted mean and how far it may be off."""

    mean: float
    standard_error: float  # infinite where the rows are of fewer than two clusters
    rows: int
    clusters: int

    def score(self, against: float = 0.0) -> float:
        """How many standard deviations of a normal the mean is above `against`: below the t score of few clusters.

        Wallace 1959: t with d degrees of freedom surprises like a normal of (8d + 1)/(8d + 3) sqrt(d log(1 + t^2/d)).
        """
        distance = self.mean - against
        if not (math.isfinite(self.standard_error) and distance):
            return 0.0
        if self.standard_error == 0:
            return math.copysign(math.inf, distance)
        freedom = self.clusters - 1
        normal = _shrink(freedom) * math.sqrt(freedom * math.log1p((distance / self.standard_error) ** 2 / freedom))
        return math.copysign(normal, distance)

    def interval(self, confidence: float = 0.95) -> Interval:
        """The limits between which the true mean lies with this confidence, by t with one degree less than clusters."""
        if not math.isfinite(self.standard_error):
            return Interval(-math.inf, math.inf)
        freedom = self.clusters - 1
        normal = STANDARD.inv_cdf(0.5 + confidence / 2) / _shrink(freedom)
        reach = math.sqrt(freedom * math.expm1(normal**2 / freedom)) * self.standard_error
        return Interval(self.mean - reach, self.mean + reach)

    def scale(self, factor: float) -> "ClusteredMean":
        """The mean of the same rows, each multiplied by `factor` > 0."""
        return ClusteredMean(
            mean=self.mean * factor,
            standard_error=self.standard_error * factor,
            rows=self.rows,
            clusters=self.clusters,
        )


def estimate_mean(values: ArrayLike, cluster: ArrayLike, weight: ArrayLike | None = None) -> ClusteredMean:
    """The mean of values (n,) whose clusters (n,) are independent of each other.

    Its variance is the larger of two: between clusters, and as if rows were independent. The first alone is too small
    as often as too large while clusters are few, and only too small ones would do harm.
    """
    amounts = np.asarray(values, dtype=np.float64)
    weights = np.ones(len(amounts)) if weight is None else np.asarray(weight, dtype=np.float64)
    names, place = np.unique(np.asarray(cluster), return_inverse=True)
    total = float(weights.sum())
    mean = float(weights @ amounts / total) if total else math.nan
    residual = weights * (amounts - mean)
    error = math.inf
    if len(names) > 1:
        between = _sum_squares(np.bincount(place, weights=residual).astype(np.float64))
        error = math.sqrt(max(between, _sum_squares(residual))) / total
    return ClusteredMean(mean=mean, standard_error=error, rows=len(amounts), clusters=len(names))


def _sum_squares(residual: NDArray[np.float64]) -> float:
    return float(residual @ residual) * len(residual) / (len(residual) - 1)


def _shrink(freedom: int) -> float:
    return (8 * freedom + 1) / (8 * freedom + 3)
