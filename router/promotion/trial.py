"""A trial: tasks on which champion and challenger disagree are given to either by lot, and what comes of it is tested.

What is tested is worth: right answers less what their cost would have bought elsewhere, so that nothing is gained by
spending more. Lots are fair and fixed before anything is known of the answer, so each task says without bias by how
much the challenger's choice is better, however little it says alone.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from router.promotion.clustered import STANDARD, ClusteredMean, estimate_mean
from router.promotion.spending import find_boundary

ALPHA = 0.04  # chance that a challenger no better than its champion is promoted, over all looks together
HORIZON_LABELS = 5000  # after so many a trial ends
TRIAL_DAYS = 7  # in which it should be decided
LIKELY_DISAGREEMENT = 0.2  # of all tasks; a trial is of those
LABELS_A_DAY = HORIZON_LABELS / TRIAL_DAYS / LIKELY_DISAGREEMENT  # with fewer there are no trials
LOOK_LABELS = 250  # a look is taken when so many more have come
LEAST_WINDOWS = 8  # fewer clusters say too little of how much they differ
WORTHWHILE = 0.01  # gain over all tasks for which a trial is made
HOPELESS = 0.1  # a trial ends when it would find a worthwhile gain with less than this chance
HARMFUL = -2.0  # score at which a challenger is taken for worse
UNEVEN = 4.0  # standard deviations by which the arms' labels may differ in number


class Verdict(StrEnum):
    """What a look says of a trial."""

    CONTINUE = "continue"  # nothing is sure yet
    PROMOTE = "promote"  # the challenger is better
    HARMFUL = "harmful"  # it is worse
    FUTILE = "futile"  # it would hardly be found better any more
    UNEVEN = "uneven"  # labels are missing from one side: the lots are no longer fair


@dataclass(frozen=True, kw_only=True, eq=False)
class TrialRows:
    """The labelled tasks of a trial (n,), each by the lot it drew, whatever became of it afterwards."""

    challenged: NDArray[np.bool_]  # whether the challenger's choice was drawn
    correct: NDArray[np.float64]  # 0..1
    spent: NDArray[np.float64]  # right answers that the true cost would have bought elsewhere, at the window's price
    expected: NDArray[np.float64]  # worth that was predicted, the mean of both choices
    window: NDArray[np.int64]

    def list_gains(self) -> NDArray[np.float64]:
        """(n,) twice the surprise, with the lot's sign: in the mean what the challenger's choice is worth more.

        What was expected cancels in the mean, and with it most of the variance between easy and hard tasks.
        """
        gains: NDArray[np.float64] = np.where(self.challenged, 2.0, -2.0) * (self.correct - self.spent - self.expected)
        return gains


@dataclass(frozen=True, kw_only=True)
class Look:
    """What was seen at one look."""

    verdict: Verdict
    labels: int  # counted in whole steps of LOOK_LABELS
    gain: ClusteredMean  # worth a task, over tasks on which the two disagree
    policy_gain: ClusteredMean  # the same over all tasks
    score: float
    boundary: float  # what the score had to reach
    chance: float  # of finding a worthwhile gain by the trial's end, if there is one
    labels_by_arm: tuple[int, int]  # champion's, challenger's


def is_look_due(labels: int, *, last_look: int) -> bool:
    """Whether enough labels have come since the last look."""
    return count_steps(labels) > last_look


def count_steps(labels: int) -> int:
    """Labels in whole steps, up to the trial's horizon."""
    return min(labels, HORIZON_LABELS) // LOOK_LABELS * LOOK_LABELS


def judge_trial(rows: TrialRows, *, disagreement: float, earlier_looks: tuple[int, ...] = ()) -> Look:
    """What the labelled tasks say now; at least LOOK_LABELS more of them than at the last of the earlier looks.

    `disagreement` is the share of all tasks on which champion and challenger disagreed, `earlier_looks` the labels
    at each look before.
    """
    labels = count_steps(len(rows.correct))
    fraction = labels / HORIZON_LABELS
    gain = estimate_mean(rows.list_gains(), rows.window)
    boundary = find_boundary((*(look / HORIZON_LABELS for look in earlier_looks), fraction), alpha=ALPHA)
    if gain.clusters < LEAST_WINDOWS:
        boundary = math.inf
    score = gain.score()
    chance = find_chance(gain, score=score, fraction=fraction, worthwhile=WORTHWHILE / max(disagreement, WORTHWHILE))
    by_arm = (int((~rows.challenged).sum()), int(rows.challenged.sum()))
    return Look(
        verdict=_decide(by_arm, score=score, boundary=boundary, chance=chance, is_last=labels >= HORIZON_LABELS),
        labels=labels,
        gain=gain,
        policy_gain=gain.scale(disagreement),
        score=score,
        boundary=boundary,
        chance=chance,
        labels_by_arm=by_arm,
    )


def find_chance(gain: ClusteredMean, *, score: float, fraction: float, worthwhile: float) -> float:
    """How likely the last look will find the challenger better, if it gains `worthwhile` a task of the trial.

    The score so far is a Brownian motion at `fraction`; what is to come drifts by the worthwhile gain in standard
    errors of the whole trial (Lan and Wittes 1988). Earlier boundaries are left out, so the chance is a lower limit.
    """
    if not math.isfinite(gain.standard_error):
        return 1.0
    last = find_boundary((1.0,), alpha=ALPHA)
    left = 1 - fraction
    if left <= 0:
        return float(score >= last)
    drift = worthwhile / max(gain.standard_error * math.sqrt(fraction), 1e-12)
    return 1 - STANDARD.cdf((last - score * math.sqrt(fraction) - drift * left) / math.sqrt(left))


def _decide(by_arm: tuple[int, int], *, score: float, boundary: float, chance: float, is_last: bool) -> Verdict:
    if abs(by_arm[1] - by_arm[0]) > UNEVEN * math.sqrt(sum(by_arm)):
        return Verdict.UNEVEN
    if score >= boundary:
        return Verdict.PROMOTE
    if score <= HARMFUL:
        return Verdict.HARMFUL
    return Verdict.FUTILE if is_last or chance < HOPELESS else Verdict.CONTINUE
