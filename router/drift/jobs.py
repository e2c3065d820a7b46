"""What one job's outcomes say of another job's tasks: less, the more jobs were found to differ from one another."""

from collections.abc import Mapping
from typing import NamedTuple

from router.drift.tally import Tally

MOST_JOBS = 4  # the latest, which are remembered by themselves
LEAST_OUTCOMES = 10.0  # of a job that is compared with the one before it
NEW = -1  # no job has this number
OLDER = 0.75  # what a comparison counts beside the next one
AS_ALIKE = 3.0  # comparisons that are taken to have found no difference, beside those that were made
LEAST_ALIKE = 0.01  # before any comparison: a job's outcomes count as a hundred of another's at most
MOST_ALIKE = 0.5
LARGEST_VARIANCE = 0.25  # of an outcome


class Jobs(NamedTuple):
    """Outcomes by the job that they are of."""

    own: Mapping[int, Tally]  # of the latest jobs, the latest last
    others: Tally = Tally()  # of jobs before those, as far as they say something of others
    last: Tally = Tally()  # the last job that was over and large enough to be compared; the first is with predictions
    compared: Tally = Tally()  # jobs with the one before each: squared differences, beside what chance makes of none

    @property
    def alike(self) -> float:
        """The correlation of outcomes of one job, beyond what is predicted."""
        differing = self.compared.excess * self.compared.outcomes / (self.compared.outcomes + AS_ALIKE) / 2
        return min(LEAST_ALIKE + max(differing, 0.0) / LARGEST_VARIANCE, MOST_ALIKE)

    def note(self, job: int, *, predicted: float, observed: float, fading: float) -> "Jobs":
        """With one more outcome; older ones of the same job, and of those that are forgotten, fade."""
        begun = self if job in self.own else self._begin(job)
        own = {other: tally for other, tally in begun.own.items() if other != job}
        own[job] = begun.own[job].scale(fading).note(predicted, observed)
        return begun._replace(own=own, others=begun.others.scale(fading))

    def sum_up(self, job: int | None) -> Tally:
        """What is known of this job's tasks; of one that is new, what others say."""
        known = self if job in self.own else self._begin(NEW)
        seen = known.others
        for other, tally in known.own.items():
            seen = seen.join(tally if other == job else known._speak(tally))
        return seen

    def prove(self, job: int, stretch: Tally) -> "Jobs":
        """Nothing but this stretch, which ended in this job, is known any more; how jobs differ stays."""
        return self._replace(own={job: stretch}, others=Tally())

    def _begin(self, job: int) -> "Jobs":
        """A job begins; the one before it is over, and is compared with the one before that."""
        *_, over = (Tally(), *self.own.values())
        known = self._compare(over) if over.outcomes >= LEAST_OUTCOMES else self
        own, others = {**self.own, job: Tally()}, self.others
        if len(own) > MOST_JOBS:
            others = others.join(known._speak(own.pop(next(iter(own)))))
        return known._replace(own=own, others=others)

    def _compare(self, over: Tally) -> "Jobs":
        by_chance = sum(_find_variance(tally) / tally.outcomes for tally in (self.last, over) if tally.outcomes)
        compared = self.compared.scale(OLDER).note(by_chance, (over.excess - self.last.excess) ** 2)
        return self._replace(last=over, compared=compared)

    def _speak(self, job: Tally) -> Tally:
        """A job's outcomes as others' (the design effect of a sample by clusters, Kish 1965)."""
        return job.scale(1 / (1 + self.alike * max(job.outcomes - 1, 0.0)))


NO_JOBS = Jobs(own={})


def _find_variance(tally: Tally) -> float:
    """Of one outcome, also where all were alike."""
    right = (tally.observed + 1) / (tally.outcomes + 2)
    return right * (1 - right)
