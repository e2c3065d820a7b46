"""Units of measure and what they are in the base unit of their dimension, exactly.

Only spellings that mean one thing are here. A word that means several (ton, gallon, cup, a bare degree) is refused
where a grader names it, and is wrong where an answer does.
"""

from collections.abc import Mapping
from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple


class Dimension(StrEnum):
    """What a unit measures; units of one dimension convert into each other."""

    LENGTH = "length"  # in metres
    AREA = "area"  # in square metres
    VOLUME = "volume"  # in cubic metres
    MASS = "mass"  # in kilograms
    TIME = "time"  # in seconds
    SPEED = "speed"  # in metres per second
    TEMPERATURE = "temperature"  # in kelvins
    ENERGY = "energy"  # in joules
    POWER = "power"  # in watts
    RATIO = "ratio"  # of one


class Measure(NamedTuple):
    """A unit: a value in it is `value * scale + zero` in the base unit of its dimension."""

    dimension: Dimension
    scale: Fraction
    zero: Fraction = Fraction(0)

    def to_base(self, value: Fraction) -> Fraction:
        """A value of this unit in the base unit."""
        return value * self.scale + self.zero

    def from_base(self, value: Fraction) -> Fraction:
        """A value of the base unit in this unit."""
        return (value - self.zero) / self.scale


def find_measure(spelling: str) -> Measure | None:
    """The unit of a spelling; None for one that is not known or ambiguous.

    Symbols are as they are (mm is no Mm); names may be in any case, in the plural, and spelled the British way.
    """
    return SYMBOLS.get(spelling) or _NAMES.get(spelling.casefold().replace("-", " "))


_FOOT = Fraction("0.3048")
_MILE = 5280 * _FOOT
_POUND = Fraction("0.45359237")
_HOUR = Fraction(3600)

# dimension -> size in the base unit -> symbols, and names in the singular (foot/feet where no s makes the plural)
_TABLE: Mapping[Dimension, Mapping[Fraction, tuple[str, str]]] = {
    Dimension.LENGTH: {
        Fraction(1, 10**9): ("nm", "nanometre nanometer"),
        Fraction(1, 10**6): ("\u03bcm um", "micrometre micrometer"),
        Fraction(1, 1000): ("mm", "millimetre millimeter"),
        Fraction(1, 100): ("cm", "centimetre centimeter"),
        Fraction(1, 10): ("dm", "decimetre decimeter"),
        Fraction(1): ("m", "metre meter"),
        Fraction(1000): ("km Km KM", "kilometre kilometer"),
        _FOOT / 12: ("", "inch/inches"),
        _FOOT: ("ft", "foot/feet"),
        3 * _FOOT: ("yd", "yard"),
        _MILE: ("mi", "mile"),
        Fraction(1852): ("", "nautical_mile"),
    },
    Dimension.AREA: {
        Fraction(1, 10**6): ("mm^2", "square_millimetre square_millimeter"),
        Fraction(1, 10**4): ("cm^2", "square_centimetre square_centimeter"),
        Fraction(1): ("m^2", "square_metre square_meter"),
        Fraction(10**4): ("ha", "hectare"),
        Fraction(10**6): ("km^2", "square_kilometre square_kilometer"),
        (_FOOT / 12) ** 2: ("in^2", "square_inch/square_inches"),
        _FOOT**2: ("ft^2", "square_foot/square_feet"),
        (3 * _FOOT) ** 2: ("yd^2", "square_yard"),
        _MILE**2: ("mi^2", "square_mile"),
        4840 * (3 * _FOOT) ** 2: ("", "acre"),
    },
    Dimension.VOLUME: {
        Fraction(1, 10**9): ("mm^3", "cubic_millimetre cubic_millimeter"),
        Fraction(1, 10**6): ("ml mL cm^3", "millilitre milliliter cubic_centimetre cubic_centimeter"),
        Fraction(1, 10**5): ("cl cL", "centilitre centiliter"),
        Fraction(1, 10**4): ("dl dL", "decilitre deciliter"),
        Fraction(1, 1000): ("l L dm^3", "litre liter cubic_decimetre cubic_decimeter"),
        Fraction(1): ("m^3", "cubic_metre cubic_meter"),
        (_FOOT / 12) ** 3: ("in^3", "cubic_inch/cubic_inches"),
        _FOOT**3: ("ft^3", "cubic_foot/cubic_feet"),
    },
    Dimension.MASS: {
        Fraction(1, 10**9): ("\u03bcg ug", "microgram"),
        Fraction(1, 10**6): ("mg", "milligram"),
        Fraction(1, 1000): ("g", "gram gramme"),
        Fraction(1): ("kg Kg KG", "kilogram kilogramme kilo"),
        Fraction(1000): ("", "tonne metric_ton"),
        _POUND: ("lb", "pound lb"),
        _POUND / 16: ("oz", "ounce"),
    },
    Dimension.TIME: {
        Fraction(1, 10**9): ("ns", "nanosecond"),
        Fraction(1, 10**6): ("\u03bcs us", "microsecond"),
        Fraction(1, 1000): ("ms", "millisecond"),
        Fraction(1): ("s", "second sec"),
        Fraction(60): ("min", "minute min"),
        _HOUR: ("h", "hour hr"),
        24 * _HOUR: ("d", "day"),
        168 * _HOUR: ("", "week"),
    },
    Dimension.SPEED: {
        Fraction(1): ("m/s", "metre_per_second meter_per_second"),
        1000 / _HOUR: ("km/h kmh kph", "kilometre_per_hour kilometer_per_hour km_per_hour"),
        Fraction(1000): ("km/s", "kilometre_per_second kilometer_per_second"),
        _MILE / _HOUR: ("mph mi/h", "mile_per_hour"),
        _FOOT: ("ft/s", "foot_per_second/feet_per_second"),
        1852 / _HOUR: ("kn", "knot"),
    },
    Dimension.ENERGY: {
        Fraction(1): ("J", "joule"),
        Fraction(1000): ("kJ", "kilojoule"),
        Fraction(10**6): ("MJ", "megajoule"),
        _HOUR: ("Wh", "watt_hour"),
        1000 * _HOUR: ("kWh", "kilowatt_hour"),
    },
    Dimension.POWER: {
        Fraction(1, 1000): ("mW", "milliwatt"),
        Fraction(1): ("W", "watt"),
        Fraction(1000): ("kW", "kilowatt"),
        Fraction(10**6): ("MW", "megawatt"),
    },
    Dimension.RATIO: {
        Fraction(1, 100): ("%", "percent per_cent"),
        Fraction(1, 1000): ("\u2030", "permille per_mille"),
        Fraction(1, 10**6): ("ppm", ""),
    },
}


def _spell_symbols() -> Mapping[str, Measure]:
    return {
        symbol: Measure(dimension, size)
        for dimension, sizes in _TABLE.items()
        for size, (symbols, _) in sizes.items()
        for symbol in symbols.split()
    }


def _spell_names() -> Mapping[str, Measure]:
    return {
        form: Measure(dimension, size)
        for dimension, sizes in _TABLE.items()
        for size, (_, names) in sizes.items()
        for name in names.split()
        for form in _spell_both(name.replace("_", " "))
    }


def _spell_both(name: str) -> tuple[str, str]:
    """The singular and the plural of a name; of "mile per hour" the first word has the s."""
    singular, is_irregular, plural = name.partition("/")
    head, joint, rest = name.partition(" per ")
    return singular, plural if is_irregular else f"{head}s{joint}{rest}"


_KELVIN = Measure(Dimension.TEMPERATURE, Fraction(1))
_CELSIUS = Measure(Dimension.TEMPERATURE, Fraction(1), Fraction("273.15"))
_FAHRENHEIT = Measure(Dimension.TEMPERATURE, Fraction(5, 9), Fraction("459.67") * Fraction(5, 9))

SYMBOLS: Mapping[str, Measure] = {**_spell_symbols(), "K": _KELVIN, "\u00b0C": _CELSIUS, "\u00b0F": _FAHRENHEIT}
_NAMES: Mapping[str, Measure] = {
    **_spell_names(),
    **dict.fromkeys(("kelvin", "kelvins"), _KELVIN),
    **dict.fromkeys(("celsius", "degree celsius", "degrees celsius"), _CELSIUS),
    **dict.fromkeys(("fahrenheit", "degree fahrenheit", "degrees fahrenheit"), _FAHRENHEIT),
}
