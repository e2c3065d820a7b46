"""Notices, outcome by outcome, that a strategy's outcomes do not have the mean that is expected of them any more.

A Shiryaev-Roberts e-detector (Shin, Ramdas and Rinaldo 2022, arXiv 2203.03532): at every outcome another stake of 1 is
put on the bets of `router/drift/bets.py`, and all stakes together are the evidence. While the claim holds, the evidence
after n outcomes is at most n in the mean, so that it reaches a threshold T within n outcomes with a probability of at
most n / T: whatever strategies T outcomes are of, they raise no more than one false alarm in the mean.
"""

import math
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from router.drift.bets import Bets
from router.drift.tally import Tally

LEARNT_AFTER = 100.0  # outcomes: then half of a steady deviation counts as usual


class Pick(IntEnum):
    """Why a task was given to the strategy: as a place in pairs of tallies."""

    CHOSEN = 0  # it looked best: what was overestimated is chosen more often, so a steady deviation is usual
    DRAWN = 1  # to explore, whatever was predicted


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What is taken to hold: outcomes deviate from predictions by what is usual, and a little."""

    bets: Bets
    sign: int  # -1: observed is at least predicted, less what is tolerated; 1: it is at most predicted, and that
    band: float  # a steady deviation up to this is learnt, and tolerated before it is
    slack: float  # tolerated beyond what is usual
    threshold: float  # outcomes between false alarms


Tallies = tuple[Tally, Tally]  # by Pick
NOTHING: Tallies = (Tally(), Tally())


class Evidence(NamedTuple):
    """What one detector knows."""

    usual: Tallies = NOTHING  # before the stretch that looks different
    pending: Tallies = NOTHING  # that stretch: empty while nothing does
    anchor: float = 0.0  # the excess that a steady deviation is counted from: that of the last alarm
    stakes: tuple[float, ...] = ()  # by bet
    climb: float = 0.0  # logarithm of what a stake at the beginning of the stretch has become

    @property
    def total(self) -> float:
        """The evidence against the claim."""
        return sum(self.stakes) / max(len(self.stakes), 1)

    @property
    def stretch(self) -> Tallies:
        """The outcomes that look different; all of them where no end of the stream does any more."""
        return self.pending if any(tally.outcomes for tally in self.pending) else self.usual


def weigh(claim: Claim, evidence: Evidence, *, predicted: float, observed: float, pick: Pick) -> Evidence:
    """The evidence after one more outcome."""
    factors = claim.bets(predicted + _tolerate(claim, evidence.usual[pick], evidence.anchor), observed)
    stakes = evidence.stakes or (0.0,) * len(factors)
    climb = evidence.climb + math.log(factors[0])  # of the smallest change
    usual, pending = evidence.usual, _note(evidence.pending, pick, predicted, observed)
    if climb <= 0:
        usual, pending, climb = (usual[0].join(pending[0]), usual[1].join(pending[1])), NOTHING, 0.0
    return Evidence(
        usual=usual,
        pending=pending,
        anchor=evidence.anchor,
        stakes=tuple((1 + stake) * factor for stake, factor in zip(stakes, factors, strict=True)),
        climb=climb,
    )


def begin_again(evidence: Evidence) -> Evidence:
    """What is known after an alarm: as it was of late is what is usual from now on."""
    return Evidence(usual=evidence.stretch, anchor=join_both(evidence.stretch).excess)


def join_both(tallies: Tallies) -> Tally:
    """Of chosen and drawn tasks together."""
    chosen, drawn = tallies
    return chosen.join(drawn)


def mirror(evidence: Evidence) -> Evidence:
    """What is usual, told of the opposite, with no evidence against it."""
    chosen, drawn = evidence.usual
    return Evidence(usual=(chosen.mirror(), drawn.mirror()), anchor=-evidence.anchor)


def _note(tallies: Tallies, pick: Pick, predicted: float, observed: float) -> Tallies:
    chosen, drawn = tallies
    if pick is Pick.CHOSEN:
        return chosen.note(predicted, observed), drawn
    return chosen, drawn.note(predicted, observed)


def _tolerate(claim: Claim, usual: Tally, anchor: float) -> float:
    """How far the mean may lie from what is predicted: what is usual, as far as that is known, and the slack."""
    known = usual.outcomes / (usual.outcomes + LEARNT_AFTER)
    steady = min(max(known * (usual.excess - anchor), -claim.band), claim.band)
    return anchor + steady + claim.sign * (claim.slack + (1 - known) * claim.band)
