"""Numbers with units: every exact conversion is right, everything ambiguous is wrong."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.grading import grade, parse_grader
from router.grading.units import SYMBOLS, Dimension, find_measure

# Those that an answer can name right after a number.
symbols = st.sampled_from(sorted(SYMBOLS))
values = st.integers(-10_000, 10_000)


def is_right(reference: object, unit: str, answer: str, **fields: object) -> bool:
    return grade(parse_grader({"kind": "numeric", "reference": reference, "unit": unit, **fields}), answer) == 1.0


@given(symbols, values)
def test_a_unit_converts_into_the_base_and_back(symbol: str, value: int) -> None:
    measure = SYMBOLS[symbol]
    assert measure.from_base(measure.to_base(Fraction(value))) == value


@given(symbols, symbols, values)
def test_a_value_is_right_in_its_own_unit_and_in_no_other_of_the_same_number(one: str, two: str, value: int) -> None:
    assert is_right(value, one, f"It is {value} {one}.")
    assert is_right(value, one, str(value))
    is_same = SYMBOLS[one].dimension == SYMBOLS[two].dimension and (
        SYMBOLS[one].to_base(Fraction(value)) == SYMBOLS[two].to_base(Fraction(value))
    )
    assert is_right(value, one, f"{value} {two}") is is_same


@pytest.mark.parametrize("dimension", Dimension)
def test_every_dimension_has_a_base_unit(dimension: Dimension) -> None:
    sizes = {measure.scale for measure in SYMBOLS.values() if measure.dimension == dimension}
    assert Fraction(1) in sizes or dimension is Dimension.RATIO


@pytest.mark.parametrize(
    ("reference", "unit", "answer"),
    [(18, "km", "18000 m"), (18, "km", "18 km (18,000 m)"), (18, "km", "1,800,000 centimetres"),
     (26.2, "mile", "26.2 mi"),
     (1, "inch", "2.54 cm"), (6, "ft", "72 inches"), (1.5, "h", "90 minutes"), (1.5, "hour", "5400 s"),
     (2, "week", "14 days"),
     (0, "\u00b0C", "273.15 K"), (100, "\u00b0C", "212 \u00b0F"), (-40, "\u00b0F", "-40 degrees Celsius"),
     (20, "celsius", "20 \u2103"), (50, "%", "50 percent"), (50, "%", "500\u2030"), (2.5, "kg", "2500 grams"),
     (1, "lb", "16 oz"),
     (1, "L", "1000 cm\u00b3"), (1, "m^2", "10,000 square centimetres"), (36, "km/h", "10 m/s"),
     (36, "km/h", "36 km per hour"),
     (60, "mph", "60 miles per hour"), (1, "kWh", "3.6 MJ"), (5, "\u03bcm", "5 \u00b5m"), (1, "tonne", "1000 kg"),
     (3, "h", "the trip takes 180 min"), (3, "h", "3 HOURS"), (0.5, "kW", "500 W")],
)  # fmt: skip
def test_it_converts(reference: object, unit: str, answer: str) -> None:
    assert is_right(reference, unit, answer)


@pytest.mark.parametrize(
    ("reference", "unit", "answer"),
    [(18, "km", "18 m"), (18, "km", "18 miles"), (18, "km", "18 km/h"), (18, "km", "18 km per hour"),
     (18, "km", "18 km^2"),
     (18, "km", "18 square km"), (18, "km", "18 kg"), (18, "km", "$18"), (18, "km", "18 km or 18000 m"),
     (18, "km", "18 apples"),
     (18, "km", "18 km, 19 km"), (18, "km", "18 km (17,000 m)"), (18, "km", "-18 km"), (18, "km", "not 18 km"),
     (1, "mW", "1 MW"), (20, "\u00b0C", "20 \u00b0"), (20, "\u00b0C", "20 degrees"),
     (20, "\u00b0C", "20 \u00b0F"), (1, "lb", "1 ton"),
     (50, "%", "0.5"), (50, "%", "50 percentage points"), (1, "L", "1 gallon"), (1, "min", "1 m"), (300, "K", "300K"),
     (5, "ft", "5 feet 3 inches"), (5, "ft", "5 fluid ounces"), (5, "%", "$5"), (5, "lb", "\u00a35")],
)  # fmt: skip
def test_it_refuses(reference: object, unit: str, answer: str) -> None:
    assert not is_right(reference, unit, answer)


def test_the_tolerance_is_in_the_references_unit() -> None:
    assert is_right(18, "km", "11.18 miles", tolerance=0.01)
    assert not is_right(18, "km", "11.1 miles", tolerance=0.01)
    assert is_right(18, "km", "11.1 miles", relative_tolerance=0.01)
    assert not is_right(18, "km", "17.9 km or 18.1 km", tolerance=1)
    assert not is_right(18, "km", "17.9 km, 18.1 km", tolerance=1)


@pytest.mark.parametrize(
    "spelling", ["", "ton", "gallon", "cup", "\u00b0", "degree", "t", "C", "F", "month", "year", "Mm", "KB"]
)
def test_what_means_several_things_is_no_unit(spelling: str) -> None:
    assert find_measure(spelling) is None
