"""One predictor watched over its strategy's settlements: alarms when it is broken, and its correction meanwhile."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

from router.drift.bets import DEAREST, bet_on_falls, bet_on_rises
from router.drift.correction import MEMORY, Correction, estimate_correction
from router.drift.detector import Claim, Evidence, Observed, Pick, begin_again, join_both, mirror, weigh
from router.drift.jobs import ALL_ALIKE, OF_NO_KIND, Jobs
from router.drift.tally import Tally

# At most one false alarm in a hundred nights of a thousand tasks, however many strategies share them. What a false one
# says is then taken for usual, so that its opposite follows: they are told in pairs, and half a pair more is to spare,
# as an alarm costs a strategy its tasks for a while. Of the pairs, half may begin with one that became worse.
OUTCOMES_PER_FALSE_PAIR = 250_000.0
# An alarm leaves no doubt that predictions do not hold: what it found counts as at least so many outcomes, beside those
# that are taken to have been as predicted.
PROVEN_BY_ALARM = 200.0


class Broken(StrEnum):
    """What does not hold of a strategy's predictions any more."""

    WORSE = "worse"  # its answers are right less often than predicted
    BETTER = "better"  # they are right more often
    DEARER = "dearer"  # they cost more


CLAIMS: Mapping[Broken, Claim] = {
    Broken.WORSE: Claim(bets=bet_on_falls, sign=-1, band=0.05, slack=0.01, threshold=2 * OUTCOMES_PER_FALSE_PAIR),
    # Told as a fall of what is wrong.
    Broken.BETTER: Claim(bets=bet_on_falls, sign=-1, band=0.05, slack=0.01, threshold=4 * OUTCOMES_PER_FALSE_PAIR),
    Broken.DEARER: Claim(bets=bet_on_rises, sign=1, band=0.25, slack=0.1, threshold=4 * OUTCOMES_PER_FALSE_PAIR),
}


@dataclass(frozen=True, kw_only=True)
class Settled:
    """One outcome beside what was predicted for it, without the corrections of that time."""

    accuracy: float
    correct: float | None  # None: nobody has graded it
    cost_ratio: float | None  # cost over predicted cost; None where the prediction is 0
    pick: Pick = Pick.CHOSEN
    job: int = OF_NO_KIND  # whose tasks are of a kind


class Alarm(NamedTuple):
    """What was found broken, and over which outcomes."""

    broken: Broken
    stretch: Tally  # since it began to look so


@dataclass(frozen=True, kw_only=True)
class Watch:
    """What is known of one predictor."""

    evidence: Mapping[Broken, Evidence]
    accuracies: Jobs  # of late
    costs: Tally  # of late; predicted is 1 each

    def correct(self, unlike: Mapping[int, float] = ALL_ALIKE) -> Correction:
        """How its predictions are to be corrected for tasks that are unlike these jobs' by so much."""
        return estimate_correction(self.accuracies.sum_up(unlike), self.costs)


UNSEEN = Watch(evidence={broken: Evidence() for broken in Broken}, accuracies=Jobs(), costs=Tally())
_FADING = 1 - 1 / MEMORY


class Noted(NamedTuple):
    """The watch after an outcome, and what that outcome completed the evidence for."""

    watch: Watch
    alarm: Alarm | None


def note_settled(watch: Watch, settled: Settled) -> Noted:
    """The watch after one more outcome."""
    evidence = {**watch.evidence}
    accuracies, costs = watch.accuracies, watch.costs
    if settled.correct is not None:
        right = Observed(settled.accuracy, settled.correct, settled.pick)
        wrong = Observed(1 - settled.accuracy, 1 - settled.correct, settled.pick)
        _weigh(evidence, {Broken.WORSE: right, Broken.BETTER: wrong})
        accuracies = accuracies.note(settled.job, predicted=right.predicted, observed=right.observed, fading=_FADING)
    if settled.cost_ratio is not None:
        ratio = min(settled.cost_ratio, DEAREST)
        _weigh(evidence, {Broken.DEARER: Observed(1.0, ratio, settled.pick)})
        costs = costs.scale(_FADING).note(1.0, ratio)
    noted = Watch(evidence=evidence, accuracies=accuracies, costs=costs)
    for broken, claim in CLAIMS.items():
        if evidence[broken].total >= claim.threshold:
            return Noted(_alarm(noted, broken, job=settled.job), Alarm(broken, _find_stretch(evidence, broken)))
    return Noted(noted, None)


def _weigh(evidence: dict[Broken, Evidence], outcome_of: Mapping[Broken, Observed]) -> None:
    for broken, outcome in outcome_of.items():
        evidence[broken] = weigh(CLAIMS[broken], evidence[broken], outcome)


def _alarm(watch: Watch, broken: Broken, *, job: int) -> Watch:
    """After an alarm the outcomes of the stretch that raised it are all that is known of such tasks."""
    after, stretch = begin_again(watch.evidence[broken]), _find_stretch(watch.evidence, broken)
    proven = stretch.scale(max(1.0, PROVEN_BY_ALARM / stretch.outcomes))
    if broken is Broken.DEARER:
        return replace(watch, evidence={**watch.evidence, broken: after}, costs=proven)
    other = Broken.BETTER if broken is Broken.WORSE else Broken.WORSE
    return replace(
        watch,
        evidence={**watch.evidence, broken: after, other: mirror(after)},
        accuracies=watch.accuracies.prove(job, proven),
    )


def _find_stretch(evidence: Mapping[Broken, Evidence], broken: Broken) -> Tally:
    """The outcomes that raised an alarm, told of what is right."""
    stretch = join_both(evidence[broken].stretch)
    return stretch.mirror() if broken is Broken.BETTER else stretch
