"""What the requests of one attempt came to, together."""

from collections.abc import Sequence
from itertools import chain

from db.outcome_rows import RequestUsage
from router.generation import Completion


def add_up(completions: Sequence[Completion]) -> Completion:
    """All texts in the order they were written, and the tokens of all requests."""
    return Completion(
        texts=tuple(chain.from_iterable(completion.texts for completion in completions)),
        finish_reasons=tuple(chain.from_iterable(completion.finish_reasons for completion in completions)),
        prompt_tokens=sum(completion.prompt_tokens for completion in completions),
        output_tokens=sum(completion.output_tokens for completion in completions),
        # Of each prompt no more than it has, whatever a server says.
        cached_prompt_tokens=sum(min(own.cached_prompt_tokens, own.prompt_tokens) for own in completions),
    )


def list_usage(completions: Sequence[Completion]) -> Sequence[RequestUsage]:
    """What each request used."""
    return [RequestUsage(len(own.texts), own.prompt_tokens, own.output_tokens) for own in completions]
