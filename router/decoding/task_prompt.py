"""A task's prompt and its caller's own constraints, read from an OpenAI request body."""

import json
from collections.abc import Mapping

import msgspec

from router.errors import BadTaskBody
from router.generation import Message

ROLES: dict[str, str] = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}

CAP_FIELDS = ("max_tokens", "max_completion_tokens")


class TaskPrompt(msgspec.Struct, frozen=True):
    """What a task asks. The last message is the user's. Sampling options of the body are left to the strategies."""

    messages: tuple[Message, ...]
    max_tokens: int | None = None  # the caller's own cap on the answer, for each sample
    json_schema: str | None = None  # the caller's own schema for the answer, as JSON text

    @property
    def question(self) -> str:
        """The last user message, from which methods read options and keys."""
        return self.messages[-1].content

    def cap(self, max_tokens: int) -> int:
        """A method's limit on one sample, lowered to the caller's own."""
        return max_tokens if self.max_tokens is None else min(max_tokens, self.max_tokens)


def parse_task_prompt(body: Mapping[str, object]) -> TaskPrompt:
    """The prompt of a `/v1/chat/completions` or `/v1/completions` body; BadTaskBody names a field that does not fit.

    Other fields are looked at once, where a line comes in (`body_fields`): what was stored stays readable.
    """
    if ("messages" in body) == ("prompt" in body):
        raise BadTaskBody("messages", "give either messages (chat completions) or prompt (completions)")
    messages = _read_messages(body["messages"]) if "messages" in body else _read_plain_prompt(body["prompt"])
    if messages[-1].role != "user":
        raise BadTaskBody("messages", f"the last message must have the role user, got {messages[-1].role}")
    return TaskPrompt(
        messages=messages, max_tokens=_read_cap(body), json_schema=_read_schema(body.get("response_format"))
    )


def _read_plain_prompt(prompt: object) -> tuple[Message, ...]:
    if isinstance(prompt, list) and len(prompt) == 1:
        prompt = prompt[0]
    if not isinstance(prompt, str):
        raise BadTaskBody("prompt", "must be one text; put each prompt on a line of its own")
    return (_checked_message("user", _checked_text(prompt, "prompt"), "prompt"),)


def _read_messages(messages: object) -> tuple[Message, ...]:
    if not isinstance(messages, list) or not messages:
        raise BadTaskBody("messages", "must be a list with at least one message")
    return tuple([_read_message(message, index) for index, message in enumerate(messages)])


def _read_message(message: object, index: int) -> Message:
    try:
        if not isinstance(message, dict):
            raise BadTaskBody("", f"must be an object with role and content, got {type(message).__name__}")
        role = message.get("role")
        if not isinstance(role, str) or role not in ROLES:
            raise BadTaskBody(".role", f"must be one of {', '.join(ROLES)}, got {role!r}")
        return _checked_message(ROLES[role], _read_content(message.get("content"), ".content"), ".content")
    except BadTaskBody as error:
        raise BadTaskBody(f"messages[{index}]{error.field}", error.reason) from None


def _checked_message(role: str, content: str, field: str) -> Message:
    if role == "user" and not content.strip():
        raise BadTaskBody(field, "must not be empty")
    return Message(role=role, content=content)


def _read_content(content: object, field: str) -> str:
    if isinstance(content, list) and content:
        return "\n".join(_read_part(part, f"{field}[{index}]") for index, part in enumerate(content))
    if not isinstance(content, str):
        raise BadTaskBody(field, "must be a text or a list of text parts")
    return _checked_text(content, field)


def _read_part(part: object, field: str) -> str:
    kind = part.get("type") if isinstance(part, dict) else type(part).__name__
    if not isinstance(part, dict) or kind != "text":
        raise BadTaskBody(field, f"only text parts can be answered, got {kind!r}")
    if not isinstance(part.get("text"), str):
        raise BadTaskBody(f"{field}.text", "must be a text")
    return _checked_text(part["text"], f"{field}.text")


def _checked_text(text: str, field: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise BadTaskBody(field, f"has half of a surrogate pair at character {error.start}, which is no text") from None
    return text


def _read_cap(body: Mapping[str, object]) -> int | None:
    given = [field for field in CAP_FIELDS if body.get(field) is not None]
    return min(_read_positive(body[field], field) for field in given) if given else None


def _read_positive(value: object, field: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise BadTaskBody(field, f"must be a positive integer, got {value!r}")
    return value


def _read_schema(response_format: object) -> str | None:
    if response_format is None:
        return None
    kind = response_format.get("type") if isinstance(response_format, dict) else None
    if not isinstance(response_format, dict) or kind not in ("text", "json_object", "json_schema"):
        raise BadTaskBody("response_format.type", f"must be text, json_object or json_schema, got {kind!r}")
    if kind == "text":
        return None
    if kind == "json_object":
        return json.dumps({"type": "object"})
    named = response_format.get("json_schema")
    schema = named.get("schema") if isinstance(named, dict) else None
    if not isinstance(schema, dict):
        raise BadTaskBody("response_format.json_schema.schema", "must be a JSON schema object")
    return json.dumps(schema)
