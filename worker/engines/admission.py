"""Refuses requests that an engine could not serve as asked, before they cost anything."""

import math
from collections.abc import Sequence

from router.generation import Capability, GenerationRequest
from worker.engines.errors import PromptRefused


def refuse_unsupported(request: GenerationRequest, capabilities: frozenset[Capability], *, engine: str) -> None:
    """Raise PromptRefused for what the engine can not do, or what no engine can."""
    missing = request.needs - capabilities
    if missing:
        raise PromptRefused(f"engine {engine} can not do {', '.join(sorted(missing))}: choose another engine")
    if request.max_tokens < 1 or request.n < 1:
        raise PromptRefused(f"max_tokens and n must be at least 1, got {request.max_tokens} and {request.n}")
    if request.n > 1 and request.temperature == 0.0:
        raise PromptRefused(f"{request.n} samples at temperature 0 would all be the same: raise the temperature")
    if not 0.0 <= request.temperature < math.inf or not 0.0 < request.top_p <= 1.0:
        raise PromptRefused(f"temperature {request.temperature} or top_p {request.top_p} is outside its range")
    for message in request.messages:
        _refuse_no_text(message.content)
    for text in _list_settings(request):
        _refuse_no_text(text)


def _list_settings(request: GenerationRequest) -> Sequence[str]:
    """All texts of a request beside its messages."""
    if request.grammar is None:
        return request.stop
    return (*request.stop, *request.grammar.choices, request.grammar.pattern, request.grammar.schema)


def _refuse_no_text(text: str) -> None:
    """Python's texts may hold halves of surrogate pairs, of which tokenizers and JSON each make something else."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise PromptRefused(
            f"half of a surrogate pair at character {error.start} of {text[:40]!r} is no text"
        ) from None


def refuse_overlong(request: GenerationRequest, *, prompt_tokens: int, context_tokens: int) -> None:
    """Raise PromptRefused when prompt and answer can not both fit; engines would silently shorten the answer."""
    needed = prompt_tokens + request.max_tokens
    if needed > context_tokens:
        raise PromptRefused(
            f"the prompt has {prompt_tokens} tokens and the answer may have {request.max_tokens}: together {needed}, "
            f"but the model's context holds {context_tokens}"
        )
