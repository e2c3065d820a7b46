"""Numeric: the answer states one number, and it is the reference."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from router.fields import Fields, quote, read_decimal
from router.grading.number import StatedNumber, read_numbers


@dataclass(frozen=True, kw_only=True)
class Numeric:
    """Right when every number in the answer is the reference, within the tolerance and in an accepted unit."""

    reference: Fraction
    tolerance: Fraction  # the larger of the absolute one and the relative one times the reference
    units: frozenset[str]  # accepted spellings, in lower case; empty accepts any

    def grade(self, answer: str) -> float:
        """1.0 for the reference; 0.0 for two different numbers, even when one of them is right."""
        numbers = read_numbers(answer)
        if len({number.value for number in numbers}) != 1:
            return 0.0
        return float(all(self._is_right(number) for number in numbers))

    def _is_right(self, number: StatedNumber) -> bool:
        if self.units and not {number.unit.lower(), number.currency} <= self.units | {""}:
            return False
        return abs(number.value - self.reference) <= self.tolerance


def read_numeric(fields: Fields) -> Numeric:
    """Numeric from a grader's fields; without `units` the words around the number do not matter."""
    fields.allow("kind", "reference", "tolerance", "relative_tolerance", "units")
    reference = read_decimal(fields.required("reference"))
    if reference is None:
        raise fields.error("reference", f"must be a number, got {quote(fields.values['reference'])}")
    absolute = fields.decimal("tolerance", Decimal(0))
    relative = Fraction(fields.decimal("relative_tolerance", Decimal(0))) * abs(Fraction(reference))
    return Numeric(
        reference=Fraction(reference),
        tolerance=max(Fraction(absolute), relative),
        units=frozenset(unit.lower() for unit in fields.texts("units", ())),
    )
