"""Reads what an OpenAI-compatible server sent back; a server may say anything, so nothing is taken on trust."""

from collections.abc import Mapping
from typing import Any, NamedTuple, NoReturn

import httpx

from router.generation import Completion
from worker.engines.errors import EngineMisconfigured, EngineUnavailable, PromptRefused, UsageMissing
from worker.engines.openai_logprobs import read_logprobs

REFUSALS = frozenset({400, 413, 422})  # this request, now and always
WRONG_SETTINGS = frozenset({401, 403, 404, 405})  # every request, until somebody changes the strategy file
NOT_BEGUN = frozenset({408, 425, 429, 503})  # turned away before any token; other 5xx may have cost
LONGEST_QUOTE = 300  # characters of a server's own words that a message repeats


def raise_for_status(reply: httpx.Response, *, engine: str) -> None:
    """Turn any status but 200 into the error that says who has to act."""
    if reply.status_code != httpx.codes.OK:
        _raise_error(reply.status_code, _quote(reply.text), engine=engine, retry_after=_read_retry_after(reply))


def read_json(reply: httpx.Response, *, engine: str) -> Mapping[str, Any]:
    """The object in a reply with status 200; some servers put an error there too."""
    try:
        body = reply.json()
    except ValueError as error:
        raise EngineUnavailable(f"engine {engine} answered no JSON: {_quote(reply.text)}", charged=True) from error
    if not isinstance(body, dict):
        raise EngineUnavailable(f"engine {engine} answered no JSON object: {_quote(reply.text)}", charged=True)
    if body.get("error") or body.get("object") == "error":
        inner = body.get("error")
        code = (inner if isinstance(inner, dict) else body).get("code")
        _raise_error(code if isinstance(code, int) else 500, _quote(reply.text), engine=engine, retry_after=None)
    return body


def read_completion(body: Mapping[str, Any], *, samples: int, likeliest: int | None, engine: str) -> Completion:
    """The texts with their usage. Usage comes first: without it the cost of whatever else there is is unknown."""
    usage = _read_usage(body, engine=engine)
    try:
        texts = tuple(_read_text(choice) for choice in body["choices"])
        finish_reasons = tuple(str(choice["finish_reason"]) for choice in body["choices"])
        logprobs = () if likeliest is None else read_logprobs(body["choices"], likeliest=likeliest)
    except (KeyError, TypeError, ValueError) as error:
        raise EngineUnavailable(f"engine {engine} answered no chat completion: {error!r}", charged=True) from error
    if len(texts) != samples or not all(isinstance(text, str) for text in texts):
        raise EngineUnavailable(f"engine {engine} answered {len(texts)} texts instead of {samples}", charged=True)
    return Completion(
        texts=texts,
        finish_reasons=finish_reasons,
        prompt_tokens=usage.prompt_tokens,
        output_tokens=usage.output_tokens,
        cached_prompt_tokens=usage.cached_prompt_tokens,
        logprobs=logprobs,
    )


def _read_text(choice: Mapping[str, Any]) -> Any:
    """A chat completion's text, or a plain completion's; null stands for an empty answer, as after a refusal."""
    text = choice["text"] if "text" in choice else choice["message"]["content"]
    return "" if text is None else text


class _Usage(NamedTuple):
    prompt_tokens: int
    output_tokens: int
    cached_prompt_tokens: int


def _read_usage(body: Mapping[str, Any], *, engine: str) -> _Usage:
    usage = body.get("usage")
    counts = [usage.get(name) if isinstance(usage, dict) else None for name in ("prompt_tokens", "completion_tokens")]
    prompt_tokens, output_tokens = (count if type(count) is int and count >= 0 else None for count in counts)
    if prompt_tokens is None or output_tokens is None:
        raise UsageMissing(f"engine {engine} answered without whole token counts: usage is {_quote(str(usage))}")
    return _Usage(prompt_tokens, output_tokens, _read_cached(usage))


def _read_cached(usage: Any) -> int:
    """Prompt tokens that the server found in its cache; what is no count is none, and charged as none."""
    details = usage.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, dict) else None
    return cached if type(cached) is int and cached > 0 else 0


def _raise_error(status: int, words: str, *, engine: str, retry_after: float | None) -> NoReturn:
    message = f"engine {engine} answered {status}: {words}"
    if status in REFUSALS:
        raise PromptRefused(message)
    if status in WRONG_SETTINGS or status < 400:
        raise EngineMisconfigured(message)
    raise EngineUnavailable(message, charged=status not in NOT_BEGUN, retry_after_seconds=retry_after)


def _read_retry_after(reply: httpx.Response) -> float | None:
    """Seconds; the header's other form, a date, is left to our own pauses."""
    value = reply.headers.get("Retry-After", "")
    return float(value) if value.isdecimal() else None


def _quote(text: str) -> str:
    return text if len(text) <= LONGEST_QUOTE else f"{text[:LONGEST_QUOTE]}..."
