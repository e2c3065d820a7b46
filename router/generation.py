"""What a decoding method asks of an engine, and what the engine gives back."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Capability(StrEnum):
    """What an engine must be able to do for a request."""

    CHOICE = "choice"  # answer with exactly one of a list of texts
    REGEX = "regex"  # answer with a text that a regular expression matches as a whole
    JSON_SCHEMA = "json_schema"  # answer with JSON that fits a schema
    SAMPLES = "samples"  # draw several samples for one prompt, charging the prompt once


PLAIN_ROLE = "plain"


class Message(NamedTuple):
    """One turn of a conversation; role is `system`, `user` or `assistant`.

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


class GenerationRequest(NamedTuple):
    """One prompt with its sampling settings. `max_tokens` holds for each of the `n` samples."""

    messages: tuple[Message, ...]
    max_tokens: int
    temperature: float = 0.0
    top_p: float = 1.0
    n: int = 1
    seed: int | None = None
    stop: tuple[str, ...] = ()
    grammar: Grammar | None = None

    @property
    def needs(self) -> frozenset[Capability]:
        """What an engine must be able to do for this very request; a task's JSON schema adds to its method's needs."""
        grammar = frozenset() if self.grammar is None else frozenset({self.grammar.kind})
        return grammar | {Capability.SAMPLES} if self.n > 1 else grammar

    @property
    def max_output_tokens(self) -> int:
        """The most tokens that all samples of this request may write."""
        return self.n * self.max_tokens


class Completion(NamedTuple):
    """What an engine wrote: one text and one finish reason for each sample."""

    texts: tuple[str, ...]
    finish_reasons: tuple[str, ...]
    prompt_tokens: int  # counted once, however many samples
    output_tokens: int  # summed over the samples
    cached_prompt_tokens: int = 0  # of the prompt's, those that the engine says it had at hand from earlier ones
