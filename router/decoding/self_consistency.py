"""Self-consistency: several samples of another method, and a vote (Wang et al. 2023, arXiv 2203.11171)."""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import msgspec

from router.decoding.one_request import OneRequest
from router.decoding.task_prompt import TaskPrompt
from router.generation import Capability, GenerationRequest


@dataclass(frozen=True, kw_only=True)
class SelfConsistency(OneRequest):
    """Samples the wrapped method's request `n` times; the answer is the one that most samples agree on."""

    name: ClassVar[str] = "self_consistency"
    base: OneRequest
    n: int
    temperature: float
    top_p: float
    seed: int

    @property
    def description(self) -> str:
        """How the model is asked."""
        samples = f"{self.n} samples at temperature {self.temperature:g}"
        return f"self_consistency: a vote over {samples} of {self.base.description}"

    @property
    def needs(self) -> frozenset[Capability]:
        """What the wrapped method needs, and several samples."""
        return self.base.needs | {Capability.SAMPLES}

    def build(self, task: TaskPrompt) -> GenerationRequest:
        """The wrapped method's request, sampled; the seed makes a run repeatable."""
        request = self.base.build(task)
        return msgspec.structs.replace(
            request, n=self.n, temperature=self.temperature, top_p=self.top_p, seed=self.seed
        )

    def extract(self, task: TaskPrompt, texts: Sequence[str]) -> str:
        """The answer with most votes, as its first voter wrote it; of equals the earlier. Blank ones do not vote."""
        answers = self._read_answers(task, texts)
        if not answers:
            return ""
        ballots = [fold_ballot(answer) for answer in answers]
        # most_common keeps the order of first appearance among equals.
        [(winner, _)] = Counter(ballots).most_common(1)
        return answers[ballots.index(winner)]

    def list_ballots(self, task: TaskPrompt, texts: Sequence[str]) -> list[str]:
        """What these samples vote for."""
        return [fold_ballot(answer) for answer in self._read_answers(task, texts)]

    def max_output_tokens(self) -> int:
        """Every sample at the wrapped method's worst."""
        return self.n * self.base.max_output_tokens()

    def _read_answers(self, task: TaskPrompt, texts: Sequence[str]) -> list[str]:
        return [answer for text in texts if (answer := self.base.extract(task, [text]))]


def fold_ballot(answer: str) -> str:
    """What makes two answers one vote: equal up to case, spacing, width of characters and a last full stop."""
    return " ".join(unicodedata.normalize("NFKC", answer).casefold().split()).rstrip(" .")
