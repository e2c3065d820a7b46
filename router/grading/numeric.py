"""Numeric: the answer states one number, and it is the reference."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from router.fields import Fields, quote, read_decimal, suggest
from router.grading.number import StatedNumber, read_numbers
from router.grading.units import SYMBOLS, Dimension, Measure, find_measure


@dataclass(frozen=True, kw_only=True)
class Numeric:
    """Right when every number in the answer is the reference, within the tolerance and in an accepted unit.

    Without accepted units any word may follow, but for one that makes a share of the number: 13 percent is not 13.
    """

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
        measure = find_measure(number.unit)
        if self.units and not {number.unit.lower(), number.currency} <= self.units | {""}:
            return False
        if not self.units and measure is not None and measure.dimension is Dimension.RATIO:
            return False
        return abs(number.value - self.reference) <= self.tolerance


@dataclass(frozen=True, kw_only=True)
class NumericMeasure:
    """Right when every number in the answer is the reference, in any unit of its dimension.

    A number without a unit is one in the reference's. A unit that is not known, or of another dimension, is wrong.
    """

    reference: Fraction
    tolerance: Fraction  # in the reference's unit
    measure: Measure

    def grade(self, answer: str) -> float:
        """1.0 for the reference; the same in two units ("18 km (18,000 m)") is stated once."""
        stated = {(self._find_measure(number), number.value) for number in read_numbers(answer)}
        if not stated or len({measure for measure, _ in stated}) < len(stated):
            return 0.0  # no value, or two of them in one unit
        return float(all(measure is not None and self._is_right(measure, value) for measure, value in stated))

    def _find_measure(self, number: StatedNumber) -> Measure | None:
        measure = find_measure(number.unit) if number.unit else self.measure
        return None if number.currency or measure is None or measure.dimension != self.measure.dimension else measure

    def _is_right(self, measure: Measure, value: Fraction) -> bool:
        return abs(self.measure.from_base(measure.to_base(value)) - self.reference) <= self.tolerance


def read_numeric(fields: Fields) -> Numeric | NumericMeasure:
    """Numeric from a grader's fields; without `unit` and `units` the words around the number do not matter."""
    fields.allow("kind", "reference", "tolerance", "relative_tolerance", "unit", "units")
    reference = _read_reference(fields)
    absolute = Fraction(fields.decimal("tolerance", Decimal(0)))
    relative = Fraction(fields.decimal("relative_tolerance", Decimal(0))) * abs(reference)
    tolerance = max(absolute, relative)
    if "unit" in fields:
        return NumericMeasure(reference=reference, tolerance=tolerance, measure=_read_measure(fields))
    units = frozenset(unit.lower() for unit in fields.texts("units", ()))
    return Numeric(reference=reference, tolerance=tolerance, units=units)


def _read_reference(fields: Fields) -> Fraction:
    reference = read_decimal(fields.required("reference"))
    if reference is None:
        raise fields.error("reference", f"must be a number, got {quote(fields.values['reference'])}")
    return Fraction(reference)


def _read_measure(fields: Fields) -> Measure:
    if "units" in fields:
        raise fields.error("unit", "converts, and units lists spellings that are taken as they are: give one of them")
    unit = fields.text("unit")
    measure = find_measure(unit)
    if measure is None:
        remedy = "list the spellings that are right as units instead, without conversion"
        raise fields.error(
            "unit", f"{quote(unit)} is unknown or means several things{suggest(unit, SYMBOLS)}: {remedy}"
        )
    return measure
