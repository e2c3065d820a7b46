"""Whether a difference between two methods on the same queries is more than luck."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2000


class Interval(NamedTuple):
    """A mean difference and its 95 % interval."""

    mean: float
    low: float
    high: float


def bootstrap_difference(difference: NDArray[np.float64], groups: NDArray[np.str_], *, seed: int = 0) -> Interval:
    """Percentile interval (Efron 1979) of the mean of paired differences (rows,), resampling whole groups (rows,).

    The same groups and seed give the same resamples, so several differences are judged on the same ones.
    """
    names, group = np.unique(groups, return_inverse=True)
    total, count = np.bincount(group, weights=difference), np.bincount(group)
    drawn = np.random.default_rng(seed).multinomial(len(names), np.full(len(names), 1 / len(names)), size=RESAMPLES)
    low, high = np.quantile((drawn @ total) / (drawn @ count), (0.025, 0.975))
    return Interval(float(difference.mean()), float(low), float(high))


def average_intervals(intervals: Sequence[Interval]) -> Interval:
    """The mean of independent differences; distances to the limits add up as those of normals do."""
    mean, low, high = np.array(intervals).T  # (intervals,) each
    below, above = (np.sqrt(np.square(limit - mean).sum()) / len(mean) for limit in (low, high))
    centre = float(mean.mean())
    return Interval(centre, centre - float(below), centre + float(above))
