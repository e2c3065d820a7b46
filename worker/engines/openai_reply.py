"""Reads what an OpenAI-compatible server sent back; a server may say anything, so nothing is taken on trust."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple, NoReturn

import httpx

from router.generation import Completion, GenerationRequest
from worker.engines.errors import EngineMisconfigured, EngineUnavailable, PromptRefused, UsageMissing
from worker.engines.openai_logprobs import read_logprobs
from worker.engines.possible_usage import require_possible
from worker.engines.retry_after import read_retry_after

REFUSALS = frozenset({400, 413, 422})  # this request, now and always
WRONG_SETTINGS = frozenset({401, 403, 404, 405})  # every request, until somebody changes the strategy file
NOT_BEGUN = frozenset({408, 425, 429, 503})  # turned away before any token; other 5xx may have cost
LONGEST_QUOTE = 300  # characters of a server's own words that a message repeats
MOST_TOKENS = 2**31 - 1  # no request is counted higher, and no database column either


def raise_for_status(reply: httpx.Response, *, engine: str) -> None:
    """Turn any status but 200 into the error that says who has to act."""
    if reply.status_code != httpx.codes.OK:
        retry_after = read_retry_after(reply.headers, now=datetime.now(UTC))
        _raise_error(reply.status_code, _quote(reply.text), engine=engine, retry_after=retry_after)


def read_json(reply: httpx.Response, *, engine: str) -> Mapping[str, Any]:
    """The object in a reply with status 200; some servers put an error there too."""
    try:
        body = reply.json()
    except (ValueError, RecursionError) as error:
        raise EngineUnavailable(f"engine {engine} answered no JSON: {_quote(reply.text)}", charged=True) from error
    if not isinstance(body, dict):
        raise EngineUnavailable(f"engine {engine} answered no JSON object: {_quote(reply.text)}", charged=True)
    if body.get("error") or body.get("object") == "error":
        inner = body.get("error")
        code = (inner if isinstance(inner, dict) else body).get("code")
        _raise_error(code if isinstance(code, int) else 500, _quote(reply.text), engine=engine, retry_after=None)
    return body


def read_completion(body: Mapping[str, Any], *, request: GenerationRequest, engine: str) -> Completion:
    """The texts with their usage. Usage comes first: without it the cost of whatever else there is is unknown."""
    usage = _read_usage(body, engine=engine)
    try:
        texts = tuple(_read_text(choice) for choice in body["choices"])
        finish_reasons = tuple(_read_finish_reason(choice) for choice in body["choices"])
        wanted = request.likeliest
        logprobs = () if wanted is None else read_logprobs(body["choices"], likeliest=wanted)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise EngineUnavailable(f"engine {engine} answered no chat completion: {error!r}", charged=True) from error
    if len(texts) != request.n or not all(isinstance(text, str) for text in texts):
        raise EngineUnavailable(f"engine {engine} answered {len(texts)} texts instead of {request.n}", charged=True)
    completion = Completion(
        texts=texts,
        finish_reasons=finish_reasons,
        prompt_tokens=usage.prompt_tokens,
        output_tokens=usage.output_tokens,
        cached_prompt_tokens=usage.cached_prompt_tokens,
        logprobs=logprobs,
    )
    require_possible(completion, request, engine=engine)
    return completion


def _read_text(choice: Mapping[str, Any]) -> Any:
    """A chat completion's text, or a plain completion's; null stands for an empty answer, as after a refusal."""
    text = choice["text"] if "text" in choice else choice["message"]["content"]
    return "" if text is None else text


def _read_finish_reason(choice: Mapping[str, Any]) -> str:
    """As the server names it, where that is a name at all."""
    reason = str(choice["finish_reason"])
    return reason if reason.isascii() and reason.isprintable() and len(reason) <= LONGEST_QUOTE else "unknown"


class _Usage(NamedTuple):
    prompt_tokens: int
    output_tokens: int
    cached_prompt_tokens: int


def _read_usage(body: Mapping[str, Any], *, engine: str) -> _Usage:
    """Counts that can be true of a request: every prompt has a token, and an answer may have none."""
    usage = body.get("usage")
    counts = usage if isinstance(usage, dict) else {}
    prompt_tokens = _read_count(counts.get("prompt_tokens"), least=1)
    output_tokens = _read_count(counts.get("completion_tokens"), least=0)
    if prompt_tokens is None or output_tokens is None:
        raise UsageMissing(f"engine {engine} answered without whole token counts: usage is {_quote(str(usage))}")
    return _Usage(prompt_tokens, output_tokens, _read_cached(usage))


def _read_cached(usage: Any) -> int:
    """Prompt tokens that the server found in its cache; what is no count is none, and charged as none."""
    details = usage.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, dict) else None
    return cached if type(cached) is int and cached > 0 else 0


def _read_count(count: object, *, least: int) -> int | None:
    return count if type(count) is int and least <= count <= MOST_TOKENS else None


def _raise_error(status: int, words: str, *, engine: str, retry_after: float | None) -> NoReturn:
    message = f"engine {engine} answered {status}: {words}"
    if status in REFUSALS:
        raise PromptRefused(message)
    if status in WRONG_SETTINGS or status < 400:
        raise EngineMisconfigured(message)
    raise EngineUnavailable(message, charged=status not in NOT_BEGUN, retry_after_seconds=retry_after)


def _quote(text: str) -> str:
    return text if len(text) <= LONGEST_QUOTE else f"{text[:LONGEST_QUOTE]}..."
