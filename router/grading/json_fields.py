"""JSON fields: the answer is one JSON object that holds every field of the reference."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from router.fields import Fields, read_decimal
from router.grading.json_answer import read_json_answer
from router.grading.normal_text import normalise_text
from router.grading.number import read_single_number


@dataclass(frozen=True, kw_only=True)
class JsonFields:
    """Right when each field of the reference is equal in the answer; further fields do not matter."""

    reference: Mapping[str, object]

    def grade(self, answer: str) -> float:
        """1.0 when all fields are equal."""
        try:
            return float(is_equal(read_json_answer(answer), self.reference))
        except ValueError:
            return 0.0


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


def read_json_fields(fields: Fields) -> JsonFields:
    """JSON fields from a grader's fields; `reference` is the object that a right answer holds."""
    fields.allow("kind", "reference")
    reference = fields.inner("reference").values
    if not reference:
        raise fields.error("reference", "must hold at least one field")
    return JsonFields(reference=reference)
