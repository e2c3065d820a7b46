"""How many tasks of a stream are still to come before its budget ends."""

from dataclasses import dataclass

TRUST = 0.1  # of a period: what an expectation from elsewhere weighs against what this period shows
EXCESS = 0.001  # of the arrivals: how many more are expected at least, whatever volume was stated


@dataclass(frozen=True, kw_only=True)
class Period:
    """A budget's period, in seconds."""

    length: float
    elapsed: float
    expected: float | None = None  # tasks in all of it, as the last periods had or somebody said


def expect_volume(stated: float, *, arrived: float) -> float:
    """The tasks still to come when a volume was stated.

    Past it the statement was wrong. At any time a thousandth of what came is expected to follow: to expect nothing
    would give whatever is left to the next window.
    """
    return max(stated - arrived, EXCESS * arrived)


def expect_arrivals(period: Period, *, arrived: float) -> float:
    """The tasks still to come in the rest of a period, at the period's own mean rate so far.

    That rate forgets nothing: a burst is part of the period's volume and no sign of what follows. An expectation
    counts like a tenth of a period in which it was met exactly, and is most of what is known at the start.
    """
    left = max(period.length - period.elapsed, 0.0)
    seconds, tasks = period.elapsed, arrived
    if period.expected is not None:
        seconds, tasks = seconds + TRUST * period.length, tasks + TRUST * period.expected
    return left * tasks / seconds if seconds > 0 else 0.0
