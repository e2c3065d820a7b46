"""JSON fields: the answer is one JSON object that holds every field of the reference."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from router.fields import Fields, read_decimal
from router.grading.normal_text import normalise_text
from router.grading.number import read_single_number

LONGEST_JSON = 20_000  # characters

# A fence around the whole answer is accepted, for chat models write one unasked; prose around it is not.
_FENCE = re.compile(r"```(?:json)?[ \t]*\n(.*)\n[ \t]*```", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class JsonFields:
    """Right when each field of the reference is equal in the answer; further fields do not matter."""

    reference: Mapping[str, object]

    def grade(self, answer: str) -> float:
        """1.0 when all fields are equal."""
        return float(is_equal(read_json(answer), self.reference))


def read_json(answer: str) -> object:
    """The JSON value that an answer is, bare or fenced, numbers exact; None where it is no JSON or has a key twice."""
    text = answer.strip()
    if len(text) > LONGEST_JSON:
        return None
    fenced = _FENCE.fullmatch(text)
    try:
        return json.loads(
            fenced[1] if fenced else text,
            object_pairs_hook=_refuse_double_keys,
            parse_constant=_read_number,
            parse_float=_read_number,
            parse_int=_read_number,
        )
    except (ValueError, RecursionError):
        return None


def is_equal(given: object, wanted: object) -> bool:
    """Whether a value is the reference's: texts normalised, numbers by value, also as a text with a unit."""
    if isinstance(wanted, Mapping):
        return isinstance(given, dict) and all(key in given and is_equal(given[key], wanted[key]) for key in wanted)
    if isinstance(wanted, list):
        return isinstance(given, list) and len(given) == len(wanted) and all(map(is_equal, given, wanted))
    if wanted is None or isinstance(wanted, bool):
        return given is wanted
    if isinstance(given, str):
        return _is_equal_text(given, wanted)
    number = read_decimal(wanted)
    return isinstance(given, Fraction) and number is not None and given == Fraction(number)


def _is_equal_text(given: str, wanted: object) -> bool:
    if isinstance(wanted, str):
        return normalise_text(given) == normalise_text(wanted)
    number = read_decimal(wanted)
    return number is not None and read_single_number(given) == Fraction(number)


def _read_number(text: str) -> Fraction:
    """The exact value; ValueError for NaN, infinities and numbers of absurd size."""
    number = read_decimal(text)
    if number is None:
        raise ValueError(text)
    return Fraction(number)


def _refuse_double_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """The object; ValueError where a key stands twice, or an answer could name two values and be right with one."""
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("a key stands twice")
    return fields


def read_json_fields(fields: Fields) -> JsonFields:
    """JSON fields from a grader's fields; `reference` is the object that a right answer holds."""
    fields.allow("kind", "reference")
    reference = fields.inner("reference").values
    if not reference:
        raise fields.error("reference", "must hold at least one field")
    return JsonFields(reference=reference)
