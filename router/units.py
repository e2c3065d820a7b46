"""Amounts of FLOPs, money, GPU time, energy and tokens: exact inside, short for people."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal, InvalidOperation
from enum import StrEnum
from fractions import Fraction

from router.errors import AmountError


class Unit(StrEnum):
    """What a budget is counted in."""

    FLOPS = "FLOPs"  # floating-point operations of the models' matrix products
    USD = "USD"  # money, as a price list states it
    GPU_SECONDS = "GPU-seconds"  # seconds of one accelerator
    JOULES = "joules"  # energy, as measured or rated for the engine's devices
    TOKENS = "tokens"  # prompt and output tokens together


QUANTA_PER_UNIT: Mapping[Unit, int] = {
    Unit.FLOPS: 1,
    Unit.USD: 10**12,
    Unit.GPU_SECONDS: 10**6,
    Unit.JOULES: 10**6,
    Unit.TOKENS: 1,
}

LARGEST_QUANTA = 10**38 - 1  # the ledger's columns are NUMERIC(38, 0)

# The default context keeps 28 digits; an amount has up to 38.
_WIDE = Context(prec=60)

FORMS = '"3.5e14 FLOPs", "0.02 USD", "90 GPU-seconds", "5000 joules", "40000 tokens" or "25%"'

_FORM = re.compile(r"([+-]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d*)?(?:[eE][+-]?\d+)?)\s*(%|[A-Za-z][A-Za-z-]*)?", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Amount:
    """An exact amount: a whole number of quanta of one unit."""

    unit: Unit
    quanta: int


@dataclass(frozen=True, kw_only=True)
class BudgetPercent:
    """A budget stated as p % of the way from the cheapest total to the dearest."""

    percent: Decimal

    def quanta_between(self, cheapest_quanta: int, dearest_quanta: int) -> int:
        """The budget this percentage means, rounded down."""
        return cheapest_quanta + int(Fraction(self.percent) * (dearest_quanta - cheapest_quanta) / 100)


def parse_budget(text: str) -> Amount | BudgetPercent:
    """The budget a person wrote, rounded down to whole quanta; AmountError says what is wrong with it."""
    match = _FORM.fullmatch(text.strip())
    if match is None or not match[1]:
        raise AmountError(f"{text!r} is not a budget: write {FORMS}")
    number, suffix = _parse_magnitude(match[1], text), match[2]
    if suffix is None:
        raise AmountError(f"{text!r} has no unit: write {FORMS}")
    if number < 0:
        raise AmountError(f"{text!r} is negative: a budget is at least 0")
    if suffix == "%":
        return _parse_percent(number, text)
    return _to_amount(number, _parse_unit(suffix, text), text)


def format_amount(amount: Amount, *, round_up: bool = False) -> str:
    """A short text that parse_budget reads back; `round_up` for an amount that has to suffice."""
    rounding = ROUND_CEILING if round_up else ROUND_FLOOR
    value = _WIDE.divide(Decimal(amount.quanta), Decimal(QUANTA_PER_UNIT[amount.unit]))
    if amount.unit is Unit.TOKENS or (amount.unit is Unit.FLOPS and amount.quanta < 1000):
        return f"{amount.quanta:,} {amount.unit}"
    digits_kept = value.quantize(_last_digit(value, amount.unit), rounding=rounding, context=_WIDE)
    return f"{digits_kept:.2e} {amount.unit}" if amount.unit is Unit.FLOPS else f"{digits_kept:,f} {amount.unit}"


def _parse_magnitude(digits: str, text: str) -> Decimal:
    try:
        number = Decimal(digits.replace(",", ""))
    except InvalidOperation:
        raise AmountError(f"{text!r} does not start with a number: write {FORMS}") from None
    # A magnitude is judged before it is expanded: 1e-999999999 as a fraction has a billion digits.
    return number if number.adjusted() >= -100 else Decimal(0)


def _parse_percent(number: Decimal, text: str) -> BudgetPercent:
    if number > 100:
        raise AmountError(f"{text!r} is more than 100%: 100% buys the dearest strategy for every task")
    return BudgetPercent(percent=number)


def _parse_unit(suffix: str, text: str) -> Unit:
    for unit in Unit:
        if suffix.lower() in (unit.lower(), unit.lower().removesuffix("s")):
            return unit
    raise AmountError(f"{text!r} has the unknown unit {suffix!r}: the units are {', '.join(Unit)}, and %")


def _to_amount(number: Decimal, unit: Unit, text: str) -> Amount:
    largest_units = _WIDE.divide(Decimal(LARGEST_QUANTA), Decimal(QUANTA_PER_UNIT[unit]))
    if number > largest_units:
        raise AmountError(f"{text!r} is more than the ledger can hold: at most {largest_units:.2e} {unit}")
    return Amount(unit=unit, quanta=int(Fraction(number) * QUANTA_PER_UNIT[unit]))


def _last_digit(value: Decimal, unit: Unit) -> Decimal:
    """Two decimals of the mantissa for FLOPs; four decimals otherwise, more where that leaves under three digits."""
    if unit is Unit.FLOPS:
        return Decimal(1).scaleb(value.adjusted() - 2)
    return Decimal(1).scaleb(min(value.adjusted() - 2, -4) if value else -4)
