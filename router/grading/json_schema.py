"""JSON schema: the answer is JSON that a schema accepts."""

from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

from router.fields import Fields
from router.grading.json_answer import read_json_answer
from router.grading.schema_reading import exact_numbers, read_schema, search_pattern
from router.linear_regex import compile_regex

MOST_STEPS = (
    100_000  # keywords checked and characters matched: a schema that refers to itself can ask for 2^depth of them
)
LONGEST_MATCHED = 5_000  # characters of a text that a pattern is looked for in

Check = Callable[[Any, Any, Any, Any], Iterator[Any]]

_steps_left: ContextVar[int] = ContextVar("steps_left")


class TooManySteps(Exception):
    """To decide about this answer would take longer than any right one needs."""


@dataclass(frozen=True, kw_only=True)
class JsonSchema:
    """Right when the answer is one JSON value, bare or fenced, that the schema accepts."""

    schema: Mapping[str, object]  # its numbers exact

    def grade(self, answer: str) -> float:
        """1.0 for an accepted value."""
        _steps_left.set(MOST_STEPS)
        try:
            return float(_validator_class()(self.schema, registry=_registry()).is_valid(read_json_answer(answer)))
        except (ValueError, RecursionError, TooManySteps):
            return 0.0


@cache
def _validator_class() -> Any:
    """Draft 2020-12 with exact numbers, patterns without backtracking and a limit on the work.

    Imported where it is first needed: most jobs have no schema, and it takes a tenth of a second.
    """
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend

    types = Draft202012Validator.TYPE_CHECKER.redefine_many(
        {
            "number": lambda _, value: isinstance(value, Fraction),
            "integer": lambda _, value: isinstance(value, Fraction) and value.denominator == 1,
        }
    )
    checks = {**Draft202012Validator.VALIDATORS, "pattern": _check_pattern, "uniqueItems": _check_unique}
    return extend(Draft202012Validator, {key: _count(check) for key, check in checks.items()}, type_checker=types)


@cache
def _registry() -> Any:
    """One that knows no other document, and fetches none."""
    from referencing import Registry

    return Registry()


def _count(check: Check) -> Check:
    def checked(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
        _take_steps(1)
        yield from check(validator, value, instance, schema) or ()

    return checked


def _take_steps(number: int) -> None:
    left = _steps_left.get() - number
    if left < 0:
        raise TooManySteps
    _steps_left.set(left)


def _check_pattern(validator: Any, pattern: str, instance: Any, _: Any) -> Iterator[Any]:
    from jsonschema import ValidationError

    if isinstance(instance, str) and not _is_found(pattern, instance):
        yield ValidationError("does not match")


def _is_found(pattern: str, text: str) -> bool:
    _take_steps(len(text))
    return len(text) <= LONGEST_MATCHED and compile_regex(search_pattern(pattern)).fullmatch(text)


def _check_unique(validator: Any, wanted: bool, instance: Any, _: Any) -> Iterator[Any]:
    """The package's own compares every pair where items can not be sorted."""
    from jsonschema import ValidationError

    if wanted and isinstance(instance, list) and len(set(map(_freeze, instance))) < len(instance):
        yield ValidationError("has an item twice")


def _freeze(value: object) -> object:
    """Something hashable that is equal for equal values only: true is no 1."""
    if isinstance(value, dict):
        return "object", frozenset((key, _freeze(item)) for key, item in value.items())
    if isinstance(value, list):
        return "array", tuple(map(_freeze, value))
    return type(value), value


def read_json_schema(fields: Fields) -> JsonSchema:
    """JSON schema from a grader's fields; `reference` is the schema, each part of which is checked."""
    fields.allow("kind", "reference")
    return JsonSchema(schema=exact_numbers(read_schema(fields.inner("reference"))))
