"""Whether a new champion keeps, on live outcomes, what its report promised; and whether the version before would."""

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from router.promotion.clustered import STANDARD, ClusteredMean, estimate_mean
from router.scoring import list_log_losses

FIRST_LOOK = 100  # outcomes since the promotion; then at every doubling
SLACK = 0.05  # by which right answers may miss their predictions, beyond what was promised
ALPHA = 0.002  # chance that a version which misses by no more than the slack is ever called broken
# Chance that one goes for a version before that is no better: both predict alike then.
WORSE_ALPHA = 0.05  # where nobody had proven it
PROVEN_WORSE_ALPHA = 0.01  # where the gate or a trial had: labels that prove may themselves be wrong
BAND_ENDS = (1 / 3, 2 / 3)  # of predicted accuracy: what is wrong at both ends may cancel in the mean
LEAST_BAND = 50  # outcomes of a band that is looked at

Floats = NDArray[np.float64]


class LiveVerdict(StrEnum):
    """What live outcomes say of a champion."""

    WAIT = "wait"  # the next look is not due
    KEPT = "kept"  # it predicts as was promised, as far as can be said
    ROLL_BACK = "roll_back"  # it does not, and the version before predicts the same outcomes better
    WORSE = "worse"  # the version before surely predicts the same outcomes better
    DRIFTED = "drifted"  # it does not, but neither does the version before: the strategy has changed


@dataclass(frozen=True, kw_only=True, eq=False)
class LiveOutcomes:
    """Graded outcomes (n,) since the promotion, with what both versions predict of them."""

    correct: Floats  # 0..1
    weight: Floats  # inverse propensity, clipped
    window: NDArray[np.int64]
    champion: Floats  # predicted accuracy
    earlier: Floats


@dataclass(frozen=True, kw_only=True)
class Miss:
    """Right answers less predicted ones in one band of predicted accuracy."""

    band: str
    promised: float
    live: ClusteredMean
    score: float  # of the miss beyond promise and slack, in standard deviations
    limit: float


@dataclass(frozen=True, kw_only=True)
class LiveCheck:
    """A look at a champion's live outcomes."""

    verdict: LiveVerdict
    outcomes: int
    misses: tuple[Miss, ...]
    loss_since: ClusteredMean | None  # the champion's log loss less the earlier version's; None: not looked at

    @property
    def goes_back(self) -> bool:
        """Whether the version before serves again."""
        return self.verdict in (LiveVerdict.ROLL_BACK, LiveVerdict.WORSE)


Promise = tuple[float, ...]  # right answers less predicted ones by band, as the report has them


def promise(correct: Floats, foreseen: Floats, weight: Floats) -> Promise:
    """A version's bias on its held-out outcomes, by band of predicted accuracy; 0 where a band is too empty."""
    return tuple(
        float(np.average((correct - foreseen)[rows], weights=weight[rows])) if rows.sum() >= LEAST_BAND else 0.0
        for rows in _split(foreseen)
    )


def find_look(outcomes: int) -> int:
    """How many looks are due by so many outcomes: at FIRST_LOOK and at every doubling."""
    return 0 if outcomes < FIRST_LOOK else int(math.log2(outcomes / FIRST_LOOK)) + 1


def check_live(live: LiveOutcomes, *, promised: Promise, looks_taken: int, is_proven: bool) -> LiveCheck:
    """The verdict at the next look; errors spent at look k are a 1 / (k (k + 1)) of all there will be.

    A version that serves by its labels alone was not proven; what the gate could not say, live outcomes do. Of one
    that was they have to be surer.
    """
    outcomes, look = len(live.correct), find_look(len(live.correct))
    if look <= looks_taken:
        return LiveCheck(verdict=LiveVerdict.WAIT, outcomes=outcomes, misses=(), loss_since=None)
    misses = tuple(_list_misses(live, promised=promised, look=look))
    difference = list_log_losses(live.champion, live.correct) - list_log_losses(live.earlier, live.correct)
    loss_since = estimate_mean(difference, live.window, live.weight)
    verdict = LiveVerdict.KEPT
    if any(miss.score >= miss.limit for miss in misses):
        verdict = LiveVerdict.ROLL_BACK if loss_since.mean > 0 else LiveVerdict.DRIFTED
    elif loss_since.score() > _find_limit(PROVEN_WORSE_ALPHA if is_proven else WORSE_ALPHA, look):
        verdict = LiveVerdict.WORSE
    return LiveCheck(verdict=verdict, outcomes=outcomes, misses=misses, loss_since=loss_since)


def _find_limit(alpha: float, look: int) -> float:
    return STANDARD.inv_cdf(1 - alpha / (look * (look + 1)))


def _list_misses(live: LiveOutcomes, *, promised: Promise, look: int) -> list[Miss]:
    bands = ("low", "middle", "high")
    limit = _find_limit(ALPHA / (2 * len(bands)), look)
    found = []
    for band, rows, known in zip(bands, _split(live.champion), promised, strict=True):
        if rows.sum() < LEAST_BAND:
            continue
        residual = estimate_mean((live.correct - live.champion)[rows], live.window[rows], live.weight[rows])
        score = max(residual.score(known + SLACK), -residual.score(known - SLACK), 0.0)
        found.append(Miss(band=band, promised=known, live=residual, score=score, limit=limit))
    return found


def _split(foreseen: Floats) -> list[NDArray[np.bool_]]:
    band = np.digitize(foreseen, BAND_ENDS)
    return [band == number for number in range(len(BAND_ENDS) + 1)]
