"""Outcomes by the job that they are of, as far as jobs are remembered by themselves."""

from collections.abc import Mapping
from typing import NamedTuple

from router.drift.tally import Tally

OF_NO_KIND = -1  # no job has this number
MOST_JOBS = 20  # that are remembered by themselves
HEAVIEST = 1e6  # then all weights begin anew

ALL_ALIKE: Mapping[int, float] = {}


class Seen(NamedTuple):
    """What was seen in a job."""

    job: int
    tally: Tally
    proven: bool = False  # an alarm began with it: what is older does not hold for its kind any more


class Jobs(NamedTuple):
    """Outcomes of late: each that follows weighs more, which is as if those before it faded."""

    own: tuple[Seen, ...] = ()  # of the latest jobs, in the order in which they began, or began anew with an alarm
    others: Tally = Tally()  # of jobs before those: they are taken to be alike
    weight: float = 1.0  # of the last outcome

    def note(self, job: int, *, predicted: float, observed: float, fading: float) -> "Jobs":
        """With one more outcome."""
        weight = self.weight / fading
        outcome = Tally(weight, weight * predicted, weight * observed)
        own, others, place = list(self.own), self.others, self._find(job)
        if place is None:
            own.append(Seen(job, outcome))
        else:
            own[place] = own[place]._replace(tally=own[place].tally.join(outcome))
        if len(own) > MOST_JOBS:
            others = others.join(own.pop(0).tally)
        noted = Jobs(tuple(own), others, weight)
        return noted if weight < HEAVIEST else noted._begin_anew()

    def prove(self, job: int, stretch: Tally) -> "Jobs":
        """An alarm in this job found this stretch."""
        own = [seen for seen in self.own if seen.job != job]
        proven = Seen(job, stretch.scale(self.weight), proven=True)
        return self._replace(own=(*own[-MOST_JOBS + 1 :], proven))

    def sum_up(self, unlike: Mapping[int, float] = ALL_ALIKE) -> Tally:
        """What they say of some tasks: n outcomes of a job count as n / (1 + (n - 1) c), with the c given for it.

        That is the design effect of a sample by clusters (Kish 1965): outcomes of a job whose tasks are of another
        kind deviate from what is predicted together, correlated by c. As far as what an alarm found counts, what is
        older does not.
        """
        total, left = Tally(), 1.0
        for job, weighed, proven in reversed(self.own):
            tally = weighed.scale(1 / self.weight)
            share = 1 / (1 + unlike.get(job, 0.0) * max(tally.outcomes - 1, 0.0))
            total = total.join(tally.scale(left * share))
            if proven:
                left *= 1 - share
        return total.join(self.others.scale(left / self.weight))

    def _find(self, job: int) -> int | None:
        """Its place, if it was seen since the last alarm."""
        for place in range(len(self.own) - 1, -1, -1):
            if self.own[place].job == job:
                return place
            if self.own[place].proven:
                return None
        return None

    def _begin_anew(self) -> "Jobs":
        share = 1 / self.weight
        own = tuple(seen._replace(tally=seen.tally.scale(share)) for seen in self.own)
        return Jobs(own, self.others.scale(share))
