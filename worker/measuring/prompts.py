"""What an engine is asked while it is measured: waves of short and long prompts with short and long answers."""

import itertools
import random
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from router.generation import GenerationRequest, Message

SHORT_WORDS, LONG_WORDS = 16, 200  # of a prompt
SHORT_ANSWER, LONG_ANSWER = 8, 48  # tokens
WORDS = (
    *("river", "stone", "garden", "winter", "copper", "market", "yellow", "engine", "harbour", "forest", "silver"),
    *("letter", "morning", "bridge", "castle", "orange", "butter", "window", "summer", "doctor", "planet", "carpet"),
    *("feather", "thunder", "island", "rabbit", "pocket", "mirror", "candle", "button", "valley", "ladder"),
)

Conversation = tuple[Message, ...]


class PromptSet(NamedTuple):
    """Conversations to ask with, in turn."""

    short: Sequence[Conversation]
    long: Sequence[Conversation]


class Wave(NamedTuple):
    """Requests that are made at once."""

    requests: int
    long_prompts: bool
    max_tokens: int


def plan_waves(concurrency: int) -> list[Wave]:
    """Every length with every other, with the engine as full as it gets and half full."""
    sizes = dict.fromkeys((concurrency, max(1, concurrency // 2)))
    return [
        Wave(size, long_prompts, max_tokens)
        for size in sizes
        for long_prompts in (False, True)
        for max_tokens in (SHORT_ANSWER, LONG_ANSWER)
    ]


def make_prompts(count: int, *, context_tokens: int) -> PromptSet:
    """Stories to be told with random words, so that no prompt begins as another does and no cache helps."""
    draw = random.Random(0)  # noqa: S311  words, not secrets
    longest = max(1, min(LONG_WORDS, (context_tokens - LONG_ANSWER) // 4))
    short, long = (
        [_tell_story(draw.choices(WORDS, k=words)) for _ in range(count)] for words in (SHORT_WORDS, longest)
    )
    return PromptSet(short, long)


def split_prompts(conversations: Sequence[Conversation]) -> PromptSet:
    """A user's own prompts, the shorter half and the longer one."""
    ordered = sorted(conversations, key=lambda messages: sum(len(message.content) for message in messages))
    middle = len(ordered) // 2
    return PromptSet(ordered[:middle] or ordered, ordered[middle:])


def build_waves(prompts: PromptSet, waves: Sequence[Wave]) -> Iterator[list[GenerationRequest]]:
    """The requests of each wave; a prompt comes again only when all of its kind have been used."""
    short, long = itertools.cycle(prompts.short), itertools.cycle(prompts.long)
    for wave in waves:
        chosen = itertools.islice(long if wave.long_prompts else short, wave.requests)
        yield [GenerationRequest(messages=messages, max_tokens=wave.max_tokens) for messages in chosen]


def _tell_story(words: Sequence[str]) -> Conversation:
    return (Message(role="user", content=f"{' '.join(words)}. Tell a long story with these words."),)
