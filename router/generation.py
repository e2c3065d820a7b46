"""What a decoding method asks of an engine, and what the engine gives back."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import msgspec


class Capability(StrEnum):
    """What an engine must be able to do for a request."""

    CHOICE = "choice"  # answer with exactly one of a list of texts
    REGEX = "regex"  # answer with a text that a regular expression matches as a whole
    JSON_SCHEMA = "json_schema"  # answer with JSON that fits a schema
    SAMPLES = "samples"  # draw several samples for one prompt, charging the prompt once
    LOGPROBS = "logprobs"  # say how likely each token was, and which others were
    CONTINUATION = "continuation"  # go on with an answer that the assistant has begun
    ADAPTERS = "adapters"  # answer with small changes to the model's weights, chosen by name (LoRA)


ADAPTED = frozenset({Capability.ADAPTERS})
PLAIN_ROLE = "plain"
NOTHING: frozenset[Capability] = frozenset()


class Message(msgspec.Struct, frozen=True):
    """One turn of a conversation; role is `system`, `user` or `assistant`, whose last turn is one to go on with.

    A single message of role `plain` is no conversation but the whole prompt: a text that the model goes on writing,
    without its chat template.
    """

    role: str
    content: str


@dataclass(frozen=True, kw_only=True)
class Grammar:
    """The form an answer must have; `kind` says which one of the three fields holds it."""

    kind: Capability
    choices: tuple[str, ...] = ()
    pattern: str = ""  # a regular expression with bounded repetition, matched against the whole answer
    schema: str = ""  # a JSON schema, as JSON text


class GenerationRequest(msgspec.Struct, frozen=True):
    """One prompt with its sampling settings. `max_tokens` holds for each of the `n` samples."""

    messages: tuple[Message, ...]
    max_tokens: int
    temperature: float = 0.0
    top_p: float = 1.0
    n: int = 1
    seed: int | None = None
    stop: tuple[str, ...] = ()
    grammar: Grammar | None = None
    likeliest: int | None = None  # given: how likely each token was is wanted, and so many of the likeliest beside it
    adapter: str | None = None  # whose weights answer, by its name in the engine's options; None: the model's own

    @property
    def needs(self) -> frozenset[Capability]:
        """What an engine must be able to do for this very request; a task's JSON schema adds to its method's needs."""
        needs = NOTHING if self.grammar is None else frozenset({self.grammar.kind})
        if self.n > 1:
            needs |= {Capability.SAMPLES}
        if self.likeliest is not None:
            needs |= {Capability.LOGPROBS}
        if self.messages[-1].role == "assistant":
            needs |= {Capability.CONTINUATION}
        return needs if self.adapter is None else needs | ADAPTED

    @property
    def max_output_tokens(self) -> int:
        """The most tokens that all samples of this request may write."""
        return self.n * self.max_tokens


class TokenLogprobs(NamedTuple):
    """How likely one token of an answer was, under the model as it is: before temperature, top_p and grammar."""

    chosen: float  # natural logarithm
    likeliest: tuple[float, ...]  # of the likeliest tokens at its place, falling


class Completion(msgspec.Struct, frozen=True):
    """What an engine wrote: one text and one finish reason for each sample."""

    texts: tuple[str, ...]
    finish_reasons: tuple[str, ...]
    prompt_tokens: int  # counted once, however many samples
    output_tokens: int  # summed over the samples
    cached_prompt_tokens: int = 0  # of the prompt's, those that the engine says it had at hand from earlier ones
    logprobs: tuple[tuple[TokenLogprobs, ...], ...] = ()  # of each sample's tokens, where they were asked for
