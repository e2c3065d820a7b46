"""A stored line of the usual form, of which only that is read which the worker needs."""

from typing import Annotated, Any, NamedTuple

import msgspec

from router.decoding.task_prompt import TaskPrompt
from router.generation import Message

_ROLES = frozenset({"system", "user", "assistant"})  # that stay what they are called
_Positive = Annotated[int, msgspec.Meta(ge=1)]


class _Body(msgspec.Struct):
    messages: Annotated[tuple[Message, ...], msgspec.Meta(min_length=1)]
    model: str | None = None
    max_tokens: _Positive | None = None
    max_completion_tokens: _Positive | None = None
    prompt: msgspec.UnsetType = msgspec.UNSET
    response_format: None = None


class _Line(msgspec.Struct):
    body: _Body
    grader: Any = None


class PlainLine(NamedTuple):
    """What a line says; its grader as it stands there."""

    prompt: TaskPrompt
    model: str | None
    grader: Any


def read_plain_line(payload: str) -> PlainLine | None:
    """What a line of plain messages says; None for any other line, and for one that is wrong."""
    try:
        line = _decode(payload)
    except msgspec.MsgspecError:
        return None
    body = line.body
    for message in body.messages:
        if message.role not in _ROLES or (message.role == "user" and not message.content.strip()):
            return None
    if body.messages[-1].role != "user":
        return None
    cap = body.max_tokens
    if body.max_completion_tokens is not None:
        cap = body.max_completion_tokens if cap is None else min(cap, body.max_completion_tokens)
    return PlainLine(TaskPrompt(body.messages, cap), body.model, line.grader)


_decode = msgspec.json.Decoder(_Line).decode
