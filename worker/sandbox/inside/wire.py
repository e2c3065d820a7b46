"""Values as lines of JSON between referee and player.

Whatever stands on a line, a decoded value is exactly of a plain type, or a stand-in for something on the other side: an
answer's number that claims to be equal to everything arrives as a mere number, or as no number at all.
"""

import importlib
import json
from collections.abc import Callable
from typing import IO, Any

LONGEST_LINE = 16 * 2**20  # bytes

_COLLECTIONS: dict[str, Any] = {kind.__name__: kind for kind in (list, tuple, set, frozenset)}
# Numbers of these classes are rebuilt from their text, where somebody uses them at all.
_FROM_TEXT = {"Decimal": "decimal", "Fraction": "fractions"}

Lend = Callable[[object], dict[str, Any]]  # something that stays here -> what stands for it on the line
Borrow = Callable[[dict[str, Any]], object]  # and back, on the other side


class WireError(Exception):
    """The other side is gone, or its line is no value."""


def send(stream: IO[bytes], message: object) -> None:
    """Write one line."""
    try:
        stream.write(json.dumps(message).encode() + b"\n")
        stream.flush()
    except (OSError, ValueError, TypeError) as error:
        raise WireError(str(error)) from None


def receive(stream: IO[bytes]) -> Any:
    """Read one line; WireError where there is none."""
    line = stream.readline(LONGEST_LINE)
    if not line.endswith(b"\n"):
        raise WireError("the other side is gone")
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise WireError(str(error)) from None


def encode(value: object, lend: Lend) -> Any:
    """What stands for a value on the line; subclasses of plain types become the plain type."""
    if value is None or isinstance(value, bool):
        return value
    for kind in (int, float, str):
        if isinstance(value, kind):
            return kind(value)
    if isinstance(value, dict):
        return {"dict": [[encode(key, lend), encode(item, lend)] for key, item in value.items()]}
    for name, collection in _COLLECTIONS.items():
        if isinstance(value, collection):
            return {name: [encode(item, lend) for item in value]}
    return _encode_rare(value, lend)


def _encode_rare(value: object, lend: Lend) -> dict[str, Any]:
    if isinstance(value, bytes | bytearray):
        return {"bytes": value.hex()}
    if isinstance(value, complex):
        return {"complex": [value.real, value.imag]}
    name = type(value).__name__
    return {name: str(value)} if _FROM_TEXT.get(name) == type(value).__module__ else lend(value)


def decode(data: Any, borrow: Borrow) -> Any:
    """The value that stands on the line; WireError for what is none."""
    if not isinstance(data, dict | list):
        return data
    if not isinstance(data, dict) or len(data) != 1:
        raise WireError("a collection has one kind")
    ((kind, content),) = data.items()
    try:
        return _decode_kind(kind, content, borrow)
    except (TypeError, ValueError, ArithmeticError, AttributeError) as error:
        raise WireError(str(error)) from None


def _decode_kind(kind: str, content: Any, borrow: Borrow) -> Any:
    if kind == "dict":
        return {decode(key, borrow): decode(item, borrow) for key, item in content}
    if kind in _COLLECTIONS:
        return _COLLECTIONS[kind]([decode(item, borrow) for item in content])
    if kind == "bytes":
        return bytes.fromhex(content)
    if kind == "complex":
        return complex(*content)
    if kind in _FROM_TEXT:
        return getattr(importlib.import_module(_FROM_TEXT[kind]), kind)(content)
    return borrow({kind: content})
