"""One predictor watched over its strategy's settlements: alarms when it is broken, and its correction meanwhile."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

from router.drift.bets import DEAREST, bet_on_falls, bet_on_rises
from router.drift.correction import MEMORY, Correction, estimate_correction
from router.drift.detector import (
    NOTHING,
    Claim,
    Evidence,
    Observed,
    Pick,
    Tallies,
    add_usual,
    begin_again,
    is_usual,
    join_both,
    mirror,
    take_all,
    weigh,
)
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


OPPOSITE: Mapping[Broken, Broken] = {Broken.WORSE: Broken.BETTER, Broken.BETTER: Broken.WORSE}


class Alarm(NamedTuple):
    """What was found broken, and over which outcomes."""

    broken: Broken
    stretch: Tally  # since it began to look so; of a withdrawal, since the alarm before
    withdraws: bool = False  # it says that the alarm before it, of the opposite, was false


class Doubt(NamedTuple):
    """The latest alarm about what is right, which may yet be withdrawn, and what would be known without it."""

    broken: Broken
    usual: Evidence  # told of what that alarm is about, as is what follows
    since: Tallies
    accuracies: Jobs


@dataclass(frozen=True, kw_only=True)
class Watch:
    """What is known of one predictor."""

    evidence: Mapping[Broken, Evidence]
    accuracies: Jobs  # of late
    costs: Tally  # of late; predicted is 1 each
    doubt: Doubt | None = None

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
    accuracies, costs, doubt = watch.accuracies, watch.costs, watch.doubt
    if settled.correct is not None:
        right = Observed(settled.accuracy, settled.correct, settled.pick)
        wrong = Observed(1 - settled.accuracy, 1 - settled.correct, settled.pick)
        _weigh(evidence, {Broken.WORSE: right, Broken.BETTER: wrong})
        accuracies = _note(accuracies, right, job=settled.job)
        doubt = doubt and _go_on(doubt, right, wrong, job=settled.job)
    if settled.cost_ratio is not None:
        ratio = min(settled.cost_ratio, DEAREST)
        _weigh(evidence, {Broken.DEARER: Observed(1.0, ratio, settled.pick)})
        costs = costs.scale(_FADING).note(1.0, ratio)
    noted = Watch(evidence=evidence, accuracies=accuracies, costs=costs, doubt=doubt)
    for broken, claim in CLAIMS.items():
        if evidence[broken].total >= claim.threshold:
            return _tell(noted, broken, job=settled.job)
    return Noted(noted, None)


def _weigh(evidence: dict[Broken, Evidence], outcome_of: Mapping[Broken, Observed]) -> None:
    for broken, outcome in outcome_of.items():
        evidence[broken] = weigh(CLAIMS[broken], evidence[broken], outcome)


def _note(accuracies: Jobs, right: Observed, *, job: int) -> Jobs:
    return accuracies.note(job, predicted=right.predicted, observed=right.observed, fading=_FADING)


def _go_on(doubt: Doubt, right: Observed, wrong: Observed, *, job: int) -> Doubt:
    """The doubt after one more outcome."""
    since = (right if doubt.broken is Broken.WORSE else wrong).add_to(doubt.since)
    return doubt._replace(since=since, accuracies=_note(doubt.accuracies, right, job=job))


def _tell(watch: Watch, broken: Broken, *, job: int) -> Noted:
    doubt = watch.doubt
    if doubt is not None and OPPOSITE[doubt.broken] is broken and _was_false(doubt):
        return Noted(_withdraw(watch, doubt), Alarm(broken, _tell_of_right(doubt.broken, doubt.since), withdraws=True))
    stretch = _tell_of_right(broken, watch.evidence[broken].stretch)
    return Noted(_alarm(watch, broken, stretch, job=job), Alarm(broken, stretch))


def _was_false(doubt: Doubt) -> bool:
    """Whether all that came after the alarm was as before it: where a strategy fell and rose, what lies between is not.

    The alarm's own stretch says nothing here: it was picked for being unlucky.
    """
    return is_usual(CLAIMS[doubt.broken], doubt.usual, doubt.since)


def _withdraw(watch: Watch, doubt: Doubt) -> Watch:
    """As if the alarm had not been: its stretch and what came after it are usual."""
    usual = add_usual(doubt.usual, doubt.since)
    known = {doubt.broken: usual, OPPOSITE[doubt.broken]: mirror(usual)}
    return replace(watch, evidence={**watch.evidence, **known}, accuracies=doubt.accuracies, doubt=None)


def _alarm(watch: Watch, broken: Broken, stretch: Tally, *, job: int) -> Watch:
    """After an alarm the outcomes of the stretch that raised it are all that is known of such tasks."""
    after = begin_again(watch.evidence[broken])
    proven = stretch.scale(max(1.0, PROVEN_BY_ALARM / stretch.outcomes))
    if broken is Broken.DEARER:
        return replace(watch, evidence={**watch.evidence, broken: after}, costs=proven)
    return replace(
        watch,
        evidence={**watch.evidence, broken: after, OPPOSITE[broken]: mirror(after)},
        accuracies=watch.accuracies.prove(job, proven),
        doubt=Doubt(broken, take_all(watch.evidence[broken]), NOTHING, watch.accuracies),
    )


def _tell_of_right(broken: Broken, tallies: Tallies) -> Tally:
    """Outcomes that a claim is about, told of what is right."""
    both = join_both(tallies)
    return both.mirror() if broken is Broken.BETTER else both
