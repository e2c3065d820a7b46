"""Best-of-n: several samples of another method, of which the one that the model itself is surest of answers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import exp, log
from typing import ClassVar

import msgspec

from router.decoding.one_request import OneRequest
from router.decoding.protocol import Asking, Stage
from router.decoding.task_prompt import TaskPrompt
from router.generation import Capability, GenerationRequest, TokenLogprobs

LIKELIEST = 5  # of each place, from which an entropy is estimated; servers give no more for plain texts
TAIL_TOKENS = 32

Tokens = Sequence[TokenLogprobs]


class Sureness(StrEnum):
    """What makes one sample better than another."""

    LOGPROB = "logprob"  # its tokens are likely, on average
    TAIL_ENTROPY = "tail_entropy"  # the model saw few alternatives to its last tokens, where the answer is


@dataclass(frozen=True, kw_only=True)
class BestOfN:
    """Samples the wrapped method's request `n` times; samples from which no answer can be read are left out."""

    name: ClassVar[str] = "best_of_n"
    base: OneRequest
    n: int
    by: Sureness
    temperature: float
    top_p: float
    seed: int

    @property
    def description(self) -> str:
        """How the model is asked."""
        samples = f"{self.n} samples at temperature {self.temperature:g}"
        return f"best_of_n: by {self.by}, the best of {samples} of {self.base.description}"

    @property
    def needs(self) -> frozenset[Capability]:
        """What the wrapped method needs, several samples, and how likely their tokens were."""
        return self.base.needs | {Capability.SAMPLES, Capability.LOGPROBS}

    def stages(self, task: TaskPrompt) -> tuple[Stage, ...]:
        """One request for all samples."""
        return (Stage(self._build(task)),)

    def ask(self, task: TaskPrompt) -> Asking:
        """The answer of the sample that scores best; of equals, the earlier."""
        completion = yield self._build(task)
        answers = [self.base.extract(task, [text]) for text in completion.texts]
        score = SCORES[self.by]
        scored = [
            (score(tokens), answer) for tokens, answer in zip(completion.logprobs, answers, strict=True) if answer
        ]
        return max(scored, key=lambda one: one[0], default=(0.0, ""))[1]

    def max_output_tokens(self) -> int:
        """Every sample at the wrapped method's worst."""
        return self.n * self.base.max_output_tokens()

    def _build(self, task: TaskPrompt) -> GenerationRequest:
        return msgspec.structs.replace(
            self.base.build(task),
            n=self.n,
            temperature=self.temperature,
            top_p=self.top_p,
            seed=self.seed,
            likeliest=LIKELIEST if self.by is Sureness.TAIL_ENTROPY else 0,
        )


def score_by_logprob(tokens: Tokens) -> float:
    """The mean log-probability of a sample's tokens: without the mean, the shortest would nearly always win."""
    return sum(token.chosen for token in tokens) / len(tokens) if tokens else float("-inf")


def score_by_tail_entropy(tokens: Tokens) -> float:
    """The mean entropy of the model's choice of the last tokens, negated: the surer the end, the better.

    The tail as in Fu et al. 2025 (arXiv 2508.15260), whose tail confidence averages log-probabilities there.
    """
    tail = tokens[-TAIL_TOKENS:]
    return -sum(estimate_entropy(token.likeliest) for token in tail) / len(tail) if tail else float("-inf")


def estimate_entropy(likeliest: Sequence[float]) -> float:
    """The entropy in nats of a choice among these alone, as if there were no others."""
    weights = [weight for one in likeliest if (weight := exp(one))]
    total = sum(weights)
    return -sum(weight / total * log(weight / total) for weight in weights)


SCORES: Mapping[Sureness, Callable[[Tokens], float]] = {
    Sureness.LOGPROB: score_by_logprob,
    Sureness.TAIL_ENTROPY: score_by_tail_entropy,
}
