"""Self-consistency that stops early: samples are drawn a few at a time, and no more once the vote is decided."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import comb
from typing import ClassVar, NamedTuple

import msgspec

from router.decoding.protocol import Asking, Stage
from router.decoding.self_consistency import SelfConsistency
from router.decoding.task_prompt import TaskPrompt
from router.generation import Capability, GenerationRequest


@dataclass(frozen=True, kw_only=True)
class EarlyVote:
    """The samples of a vote in requests of `step`; each further request is charged the whole prompt again.

    Each sample has the seed that it has in the vote in one request: a vote that stops only when it is certain has the
    same answer, where the engine draws the same sample for the same seed.
    """

    name: ClassVar[str] = "self_consistency"
    vote: SelfConsistency
    step: int
    threshold: float | None  # the probability at which a vote counts as decided; None: when it can not change any more

    @property
    def description(self) -> str:
        """How the model is asked."""
        decided = "certain" if self.threshold is None else f"decided with probability {self.threshold:g}"
        return f"{self.vote.description}, {self.step} at a time until it is {decided}"

    @property
    def needs(self) -> frozenset[Capability]:
        """What the wrapped method needs, and several samples where a request draws them."""
        return self.vote.needs if self.step > 1 else self.vote.base.needs

    def stages(self, task: TaskPrompt) -> tuple[Stage, ...]:
        """All samples, in as many requests as that takes."""
        whole = self.vote.build(task)
        return tuple(Stage(self._draw(whole, drawn)) for drawn in range(0, self.vote.n, self.step))

    def ask(self, task: TaskPrompt) -> Asking:
        """The answer of the vote as far as it was drawn."""
        whole, texts = self.vote.build(task), list[str]()
        while len(texts) < self.vote.n and not self._is_decided(task, texts):
            completion = yield self._draw(whole, len(texts))
            texts += completion.texts
        return self.vote.extract(task, texts)

    def max_output_tokens(self) -> int:
        """Every sample at the wrapped method's worst."""
        return self.vote.max_output_tokens()

    def _draw(self, whole: GenerationRequest, drawn: int) -> GenerationRequest:
        """The next request when so many samples were drawn."""
        return msgspec.structs.replace(whole, n=min(self.step, self.vote.n - drawn), seed=self.vote.seed + drawn)

    def _is_decided(self, task: TaskPrompt, texts: Sequence[str]) -> bool:
        votes = count_votes(self.vote.list_ballots(task, texts))
        if is_certain(votes, left=self.vote.n - len(texts)):
            return True
        return self.threshold is not None and votes.leader > 0 and estimate_lead(votes) >= self.threshold


class Votes(NamedTuple):
    """How a vote stands: the leader's votes, and those of the others in two kinds."""

    leader: int
    earlier: int  # the most that anybody has who was named before the leader, and would win with as many votes
    later: int  # the most that anybody has who was named after it


def count_votes(ballots: Sequence[str]) -> Votes:
    """The standing after these ballots."""
    ranked = Counter(ballots).most_common()  # equals in the order in which they were first named
    if not ranked:
        return Votes(0, 0, 0)
    (winner, leader), others = ranked[0], ranked[1:]
    first = ballots.index(winner)
    earlier = [count for ballot, count in others if ballots.index(ballot) < first]
    later = [count for ballot, count in others if ballots.index(ballot) > first]
    return Votes(leader, max(earlier, default=0), max(later, default=0))


def is_certain(votes: Votes, *, left: int) -> bool:
    """Whether the rest of the samples can not change the winner, whatever they say."""
    holds_off_earlier = not votes.earlier or votes.leader > votes.earlier + left
    return holds_off_earlier and votes.leader >= votes.later + left


def estimate_lead(votes: Votes) -> float:
    """The probability that the leader is the likelier of the two most frequent answers, a uniform prior given.

    Aggarwal et al. 2023 (arXiv 2305.11860), the Beta criterion of adaptive-consistency: the mass of
    Beta(leader + 1, second + 1) above one half, which is a sum of binomial coefficients.
    """
    second = max(votes.earlier, votes.later)
    tosses = votes.leader + second + 1
    return sum(comb(tosses, heads) for heads in range(votes.leader + 1)) / (1 << tosses)
