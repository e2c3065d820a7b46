"""One JSON object from one line of text, refusing what no later step could store or would silently drop."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, NoReturn

from gateway.errors import GatewayError


class FieldProblem(NamedTuple):
    """What is wrong with one field, and the remedy; no field means the whole line."""

    field: str
    text: str


class BadFieldError(GatewayError):
    """Leaves the check of a field; the line's reader turns it into a problem with file and line."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(text)
        self.problem = FieldProblem(field, text)


def parse_object(text: str) -> Mapping[str, Any]:
    """The object on a line; BadFieldError says what is wrong with it."""
    try:
        line = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise BadFieldError("", f"not JSON: {error.msg} at column {error.colno}; one JSON object per line") from None
    except RecursionError:
        raise BadFieldError("", "nested too deep to read; flatten it") from None
    except ValueError as error:  # Python refuses integers of thousands of digits
        raise BadFieldError("", f"not JSON we can read: {error}; write the number shorter") from None
    if not isinstance(line, dict):
        raise BadFieldError("", f"holds {json_kind(line)}; give one JSON object per line")
    _refuse_unstorable_text(text, line)
    return line


def _refuse_constant(name: str) -> NoReturn:
    raise BadFieldError("", f"not JSON: {name} is no JSON number; leave it out or write a number")


def _object_with_distinct_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    merged = dict(pairs)
    if len(merged) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise BadFieldError(twice, "is given twice in one object; keep one of the two")
    return merged


# Made once: json.loads would make one for each line.
_DECODER = json.JSONDecoder(parse_constant=_refuse_constant, object_pairs_hook=_object_with_distinct_keys)

UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")


def _refuse_unstorable_text(text: str, line: Mapping[str, Any]) -> None:
    """Refuse U+0000 (no database text holds it) and lone surrogates (UTF-8 has none), both possible as JSON escapes."""
    if "\\u" not in text:
        return
    for field, value in line.items():
        for part in _strings_in({field: value}):
            if found := UNSTORABLE.search(part):
                code = f"U+{ord(found.group()):04X}"
                raise BadFieldError(field, f"holds the character {code}, which can not be stored; remove it")


def _strings_in(value: object) -> Iterator[str]:
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            yield part
        elif isinstance(part, dict):
            waiting += [*part.keys(), *part.values()]
        elif isinstance(part, list):
            waiting += part


JSON_KINDS: dict[type, str] = {
    dict: "an object",
    list: "a list",
    str: "a string",
    bool: "true or false",
    int: "a number",
    float: "a number",
    type(None): "null",
}


def json_kind(value: object) -> str:
    """What a parsed value is, in words."""
    if value == "":
        return "an empty string"
    return JSON_KINDS[type(value)]


def shown(value: object) -> str:
    """A parsed value as JSON, cut short for a message."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."
