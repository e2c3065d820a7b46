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


class Stake(NamedTuple):
    """What one bet has come to."""

    money: float = 0.0  # of all that was staked on it
    climb: float = 0.0  # logarithm of what a stake at the beginning of the pending stretch has become
    pending: Tallies = NOTHING  # the outcomes that it gained on, as far as they follow one another


class Evidence(NamedTuple):
    """What one detector knows."""

    usual: Tallies = NOTHING  # before the stretch that the bet on the smallest change gains on
    anchor: float = 0.0  # the excess that a steady deviation is counted from: that of the last alarm
    room: float = 0.0  # beside the band: what raises an alarm looks larger than it is
    stakes: tuple[Stake, ...] = ()  # by bet

    @property
    def total(self) -> float:
        """The evidence against the claim."""
        return sum(stake.money for stake in self.stakes) / max(len(self.stakes), 1)

    @property
    def stretch(self) -> Tallies:
        """The outcomes that look different: those that the best bet gained on."""
        gaining = [stake for stake in self.stakes if stake.climb > 0]
        return max(gaining, key=lambda stake: stake.money).pending if gaining else self.usual


class Observed(NamedTuple):
    """An outcome beside its prediction."""

    predicted: float
    observed: float
    pick: Pick

    def add_to(self, tallies: Tallies) -> Tallies:
        """The tallies with it."""
        chosen, drawn = tallies
        if self.pick is Pick.CHOSEN:
            return chosen.note(self.predicted, self.observed), drawn
        return chosen, drawn.note(self.predicted, self.observed)


def weigh(claim: Claim, evidence: Evidence, outcome: Observed) -> Evidence:
    """The evidence after one more outcome."""
    bound = outcome.predicted + _tolerate(claim, evidence, evidence.usual[outcome.pick])
    factors = claim.bets(bound, outcome.observed)
    before = evidence.stakes or (Stake(),) * len(factors)
    stakes = tuple([_stake(stake, factor, outcome) for stake, factor in zip(before, factors, strict=True)])
    usual = evidence.usual
    if not stakes[0].climb:
        usual = outcome.add_to(_join_each(usual, before[0].pending))
    return Evidence(usual, evidence.anchor, evidence.room, stakes)


def begin_again(evidence: Evidence) -> Evidence:
    """What is known after an alarm: as it was of late is what is usual from now on."""
    anchor = join_both(evidence.stretch).excess
    return Evidence(usual=evidence.stretch, anchor=anchor, room=abs(anchor - evidence.anchor) / 2)


def join_both(tallies: Tallies) -> Tally:
    """Of chosen and drawn tasks together."""
    chosen, drawn = tallies
    return chosen.join(drawn)


def take_all(evidence: Evidence) -> Evidence:
    """What is known where nothing that was seen is taken to be different."""
    stakes = evidence.stakes
    usual = _join_each(evidence.usual, stakes[0].pending) if stakes and stakes[0].climb else evidence.usual
    return evidence._replace(usual=usual, stakes=())


def add_usual(evidence: Evidence, tallies: Tallies) -> Evidence:
    """With these outcomes as usual ones."""
    return evidence._replace(usual=_join_each(evidence.usual, tallies))


def is_usual(claim: Claim, evidence: Evidence, tallies: Tallies) -> bool:
    """Whether outcomes lie no more than the slack and a standard error below what is usual, and the band more above.

    They are looked at when they seem to have risen, so luck is looked for above.
    """
    seen = join_both(tallies)
    if not seen.outcomes:
        return False
    pairs = zip(evidence.usual, tallies, strict=True)
    usual = sum(_find_steady(claim, evidence, own) * tally.outcomes for own, tally in pairs) / seen.outcomes
    predicted = min(max(seen.predicted / seen.outcomes, 0.0), 1.0)
    error = math.sqrt(predicted * (1 - predicted) / seen.outcomes)
    least = claim.slack + error
    return -least <= seen.excess - usual <= claim.band + least


def mirror(evidence: Evidence) -> Evidence:
    """What is usual, told of the opposite, with no evidence against it."""
    chosen, drawn = evidence.usual
    return Evidence(usual=(chosen.mirror(), drawn.mirror()), anchor=-evidence.anchor, room=evidence.room)


def _stake(before: Stake, factor: float, outcome: Observed) -> Stake:
    climb = before.climb + math.log(factor)
    if climb <= 0:
        return Stake((1 + before.money) * factor)
    return Stake((1 + before.money) * factor, climb, outcome.add_to(before.pending))


def _tolerate(claim: Claim, evidence: Evidence, usual: Tally) -> float:
    """How far the mean may lie from what is predicted: what is usual, as far as that is known, and the slack."""
    unknown, band = 1 - _know(usual), claim.band + evidence.room
    return _find_steady(claim, evidence, usual) + claim.sign * (claim.slack + unknown * band)


def _find_steady(claim: Claim, evidence: Evidence, usual: Tally) -> float:
    """How far the mean is known to lie from what is predicted."""
    band = claim.band + evidence.room
    return evidence.anchor + min(max(_know(usual) * (usual.excess - evidence.anchor), -band), band)


def _know(usual: Tally) -> float:
    return usual.outcomes / (usual.outcomes + LEARNT_AFTER)


def _join_each(tallies: Tallies, others: Tallies) -> Tallies:
    return tallies[0].join(others[0]), tallies[1].join(others[1])
