"""What else could be asked of a trial's rows, or of a log without a trial: the peers of bench/promotion.py."""

import math
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.promotion_world import NIGHTS, Seen
from router.promotion.clustered import STANDARD, estimate_mean
from router.promotion.trial import ALPHA, LEAST_WINDOWS, TrialRows, Verdict, count_steps, is_look_due, judge_trial

PATHS = 100_000  # of the simulation that finds Pocock's boundary
BOLDEST = 0.5  # a bet stakes at most this share of what it can lose

Floats = NDArray[np.float64]


class Ending(NamedTuple):
    """How a way of testing ended."""

    promoted: bool
    labels: int  # at which it was decided


Judge = Callable[[Seen], Ending]


def judge_by_spending(seen: Seen) -> Ending:
    """The product's: a look after each night that brought enough labels."""
    looks: tuple[int, ...] = ()
    for rows in _by_night(seen):
        if not is_look_due(len(rows.correct), last_look=looks[-1] if looks else 0):
            continue
        look = judge_trial(rows, disagreement=seen.disagreement, earlier_looks=looks)
        looks = (*looks, count_steps(len(rows.correct)))
        if look.verdict is not Verdict.CONTINUE:
            return Ending(look.verdict is Verdict.PROMOTE, len(rows.correct))
    return Ending(False, len(seen.rows.correct))


def judge_every_night(seen: Seen) -> Ending:
    """A t-test for a fixed number of rows, asked again every night at 5 % until it says yes."""
    for rows in _by_night(seen):
        gains = rows.list_gains()
        if gains.mean() / (gains.std(ddof=1) / math.sqrt(len(gains))) > STANDARD.inv_cdf(0.95):
            return Ending(True, len(gains))
    return Ending(False, len(seen.rows.correct))


def judge_at_the_end(seen: Seen) -> Ending:
    """One look when all is over, at the same level as the product's."""
    score = estimate_mean(seen.rows.list_gains(), seen.rows.window).score()
    return Ending(score > STANDARD.inv_cdf(1 - ALPHA), len(seen.rows.correct))


def judge_by_pocock(seen: Seen) -> Ending:
    """The same score as the product's against one boundary for all nights (Pocock 1977)."""
    boundary = _find_pocock_boundary()
    for rows in _by_night(seen):
        mean = estimate_mean(rows.list_gains(), rows.window)
        if mean.clusters >= LEAST_WINDOWS and mean.score() > boundary:
            return Ending(True, len(rows.correct))
    return Ending(False, len(seen.rows.correct))


def judge_by_betting(seen: Seen) -> Ending:
    """Capital of a bet on each next task, valid at every moment (Waudby-Smith and Ramdas 2024)."""
    gains = seen.rows.list_gains()
    count = np.arange(1, len(gains) + 1)
    mean = (np.cumsum(gains) / (count + 1))[:-1]
    square = ((np.cumsum(gains**2) + 1) / (count + 1))[:-1]
    stake = np.clip(np.concatenate(([0.0], mean / square)), 0, BOLDEST / np.abs(gains).max())
    capital = np.cumsum(np.log1p(stake * gains))
    won = np.flatnonzero(capital >= -math.log(ALPHA))
    return Ending(bool(len(won)), int(won[0]) + 1 if len(won) else len(gains))


def _by_night(seen: Seen) -> list[TrialRows]:
    ends = np.searchsorted(seen.night, np.arange(NIGHTS), side="right")
    return [_take(seen.rows, end) for end in ends]


def _take(rows: TrialRows, end: int) -> TrialRows:
    return TrialRows(
        challenged=rows.challenged[:end],
        correct=rows.correct[:end],
        spent=rows.spent[:end],
        expected=rows.expected[:end],
        window=rows.window[:end],
    )


@cache
def _find_pocock_boundary() -> float:
    paths = np.random.default_rng(0).standard_normal((PATHS, NIGHTS)).cumsum(axis=1) / np.sqrt(np.arange(1, NIGHTS + 1))
    return float(np.quantile(paths.max(axis=1), 1 - ALPHA))


OURS = "spending"
JUDGES: dict[str, Judge] = {
    OURS: judge_by_spending,
    "one look at the end": judge_at_the_end,
    "one boundary (Pocock)": judge_by_pocock,
    "betting": judge_by_betting,
    "t-test every night": judge_every_night,
}
