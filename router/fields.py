"""Reads settings out of a parsed document and names the exact place of whatever can not be used."""

import difflib
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Self

from router.errors import FieldError

MOST_TOKENS = 1 << 24  # beyond any model's context; 64 samples of it are still counted in 31 bits
LONGEST_QUOTE = 60  # characters of a wrong value that an error message repeats


class Fields:
    """One mapping of a document, with its place in it; each reader returns a checked value or raises FieldError."""

    def __init__(self, value: object, *, path: str) -> None:
        if not isinstance(value, dict | Mapping):  # a dict is known at once
            raise FieldError(path, f"must be a mapping, got {quote(value)}")
        for key in value:
            if not isinstance(key, str):
                raise FieldError(path, f"keys must be texts, got {quote(key)}")
        self.path = path
        self.values: Mapping[str, object] = value

    def __contains__(self, key: str) -> bool:
        return self.values.get(key) is not None

    def allow(self, *known: str) -> Self:
        """The same fields, once every key is found to be one of these."""
        for key in self.values:
            if key not in known:
                raise self.error(key, f"is not a known key{suggest(key, known)}; known keys: {', '.join(known)}")
        return self

    def at(self, key: str) -> str:
        """The place of one key, as error messages write it."""
        return f"{self.path}.{key}" if self.path else key

    def error(self, key: str, reason: str) -> FieldError:
        """The error for one key, for checks that a caller makes itself."""
        return FieldError(self.at(key), reason)

    def required(self, key: str, *, hint: str = "") -> object:
        """The value of a key that must be given."""
        if key not in self:
            raise self.error(key, f"is missing{hint}")
        return self.values[key]

    def text(self, key: str, default: str | None = None) -> str:
        """A text that is not blank."""
        value = self.optional_text(key) if default is None or key in self else default
        if value is None or not value.strip():
            raise self.error(key, "is missing" if value is None else "must not be empty")
        return value

    def optional_text(self, key: str) -> str | None:
        """A text, possibly empty, or None where the key is not given."""
        value = self.values.get(key)
        if value is not None and not isinstance(value, str):
            raise self.error(key, f"must be a text, got {quote(value)}{_hint_quotes(value)}")
        return value

    def texts(self, key: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        """A list of texts that are not blank; without a default it must be given and hold at least one."""
        if default is not None and key not in self:
            return default
        value = self.required(key)
        if not isinstance(value, list) or not value:
            raise self.error(key, f"must be a list of texts, got {quote(value)}")
        for index, item in enumerate(value):
            if not isinstance(item, str) or not item.strip():
                reason = f"must be a text that is not empty, got {quote(item)}{_hint_quotes(item)}"
                raise self.error(f"{key}[{index}]", reason)
        return tuple(value)

    def stops(self, key: str) -> tuple[str, ...]:
        """A list of texts that end an answer, which may be white space; empty where the key is not given."""
        value = self.values.get(key) or []
        if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
            raise self.error(key, f'must be a list of texts such as ["\\n"], got {quote(value)}')
        return tuple(value)

    def text_or_texts(self, key: str) -> tuple[str, ...]:
        """A text that is not blank, or a list of such texts."""
        return self.texts(key) if isinstance(self.required(key), list) else (self.text(key),)

    def flag(self, key: str) -> bool:
        """True or false; false where the key is not given."""
        value = self.values.get(key)
        if value is not None and not isinstance(value, bool):
            raise self.error(key, f"must be true or false, got {quote(value)}")
        return bool(value)

    def one_of(self, key: str, choices: Iterable[str], *, noun: str) -> str:
        """One of several names; an unknown one is answered with the nearest."""
        value = self.values.get(key)
        names = choices if isinstance(choices, dict) else list(choices)
        if isinstance(value, str) and value in names:
            return value
        known = f"; known {noun}: {', '.join(names)}"
        value = self.required(key, hint=known)
        near = suggest(value, names) if isinstance(value, str) else ""
        raise self.error(key, f"{quote(value)} is not known{near}{known}")

    def count(self, key: str, default: int | None = None, *, least: int = 1, most: int | None = None) -> int:
        """A whole number of at least `least`; "7.6e9" is one too, which YAML reads as a text."""
        if default is not None and key not in self:
            return default
        number = read_decimal(self.required(key))
        if number is None or number != number.to_integral_value() or number < least:
            kind = "a positive integer" if least == 1 else f"an integer of at least {least}"
            raise self.error(key, f"must be {kind}, got {quote(self.values[key])}")
        if most is not None and number > most:
            raise self.error(key, f"must be at most {most}, got {quote(self.values[key])}")
        return int(number)

    def tokens(self, key: str, default: int | None = None) -> int:
        """A number of tokens that one answer, or a prompt with its answer, may have."""
        return self.count(key, default, most=MOST_TOKENS)

    def decimal(
        self, key: str, default: Decimal | None = None, *, low: Decimal = Decimal(0), high: Decimal | None = None
    ) -> Decimal:
        """A number between two bounds, exact as it was written."""
        if default is not None and key not in self:
            return default
        number = read_decimal(self.required(key))
        if number is None or number < low or (high is not None and number > high):
            bounds = f"of at least {low}" if high is None else f"from {low} to {high}"
            raise self.error(key, f"must be a number {bounds}, got {quote(self.values[key])}")
        return number

    def inner(self, key: str) -> "Fields":
        """The mapping under a key that must be given."""
        return Fields(self.required(key), path=self.at(key))

    def items(self, key: str) -> list[tuple[str, object]]:
        """Each item of a list that must be given and hold at least one, with its place."""
        value = self.required(key)
        if not isinstance(value, list) or not value:
            raise self.error(key, f"must be a list with at least one item, got {quote(value)}")
        return [(f"{self.at(key)}[{index}]", item) for index, item in enumerate(value)]


def read_decimal(value: object) -> Decimal | None:
    """A finite number as it was written, or None; a float counts as its shortest decimal form."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = Decimal(str(value).replace("_", ""))
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number.adjusted()) < 100 else None


def suggest(name: str, known: Iterable[str]) -> str:
    """The words that point from an unknown name to the nearest known one, or "" when none is near."""
    near = difflib.get_close_matches(name, list(map(str, known)), n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""


def quote(value: object) -> str:
    """A value as an error message repeats it: short, on one line."""
    text = repr(value)
    return text if len(text) <= LONGEST_QUOTE else f"{text[:LONGEST_QUOTE]}..."


def _hint_quotes(value: object) -> str:
    """The remedy where YAML took a bare word for something else: yes and no are booleans to it, 12 is a number."""
    return ": put quotes around it" if isinstance(value, bool | int | float) else ""
