"""How many tasks of a stream are still to come before its budget ends."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TRUST = 0.1  # of a period: what an expectation from elsewhere weighs against what this period shows
SURGE = 0.5  # of what the densest stretch so far exceeds the mean by is expected to come again
EXCESS = 0.001  # of the arrivals: how many more are expected at least, whatever volume was stated


@dataclass(frozen=True, kw_only=True)
class Period:
    """A budget's period, in seconds, cut into stretches of equal length."""

    length: float
    elapsed: float
    stretch: float
    expected: float | None = None  # tasks in all of it, as the last periods had or somebody said

    @property
    def left(self) -> float:
        """Seconds to come."""
        return max(self.length - self.elapsed, 0.0)


def expect_volume(stated: float, *, arrived: float) -> float:
    """The tasks still to come when a volume was stated.

    Past it the statement was wrong. At any time a thousandth of what came is expected to follow: to expect nothing
    would give whatever is left to the next window.
    """
    return max(stated - arrived, EXCESS * arrived)


def expect_arrivals(period: Period, *, arrived: float, past: NDArray[np.int64]) -> float:
    """The tasks to be planned for in the rest of a period; `past` are the arrivals in each stretch so far.

    At the period's own mean rate, which forgets nothing: a burst is part of its volume and no sign of what follows.
    An expectation from elsewhere counts like a tenth of a period in which it was met exactly. And half of what the
    densest run of stretches so far, as long as the rest, had more than that: tasks that find no money cost more
    accuracy than money that finds no tasks.
    """
    seconds, tasks = period.elapsed, arrived
    if period.expected is not None:
        seconds, tasks = seconds + TRUST * period.length, tasks + TRUST * period.expected
    mean = period.left * tasks / seconds if seconds > 0 else 0.0
    return mean + SURGE * max(_find_most(past, period.left / period.stretch) - mean, 0.0)


def _find_most(past: NDArray[np.int64], stretches: float) -> float:
    """The most arrivals in so many neighbouring stretches; 0 where there were never so many."""
    whole = math.ceil(stretches)
    if not 0 < whole <= len(past):
        return 0.0
    sums = np.append(0, past.cumsum())
    return float((sums[whole:] - sums[:-whole]).max()) * stretches / whole
