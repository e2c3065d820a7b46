"""A strategy's versioned price per token, in each unit it can be charged in."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, NamedTuple

from router.errors import TariffError
from router.units import QUANTA_PER_UNIT, Unit


class WholePrice(NamedTuple):
    """A price per token as whole numbers."""

    prompt: int
    output: int
    denominator: int


@dataclass(frozen=True, kw_only=True)
class TokenPrice:
    """Quanta per prompt token and per output token, exact."""

    prompt: Fraction
    output: Fraction

    def __post_init__(self) -> None:
        if self.prompt < 0 or self.output < 0:
            raise TariffError(f"a price is negative (prompt {self.prompt}, output {self.output}): it is at least 0")

    @cached_property
    def whole(self) -> WholePrice:
        """The same price over one denominator: products of whole numbers are ten times as fast as fractions."""
        denominator = math.lcm(self.prompt.denominator, self.output.denominator)
        return WholePrice(int(self.prompt * denominator), int(self.output * denominator), denominator)


# Every token counts once, whatever the strategy.
TOKEN_COUNT = TokenPrice(prompt=Fraction(1), output=Fraction(1))


@dataclass(frozen=True, kw_only=True)
class Tariff:
    """What a strategy's tokens cost, and where the prices come from."""

    version: int
    prices: Mapping[Unit, TokenPrice]
    source: str

    def charge(self, unit: Unit, *, prompt_tokens: int, output_tokens: int) -> int:
        """Quanta for one attempt, rounded up once; TariffError when this tariff has no price in the unit."""
        per_prompt, per_output, denominator = self.price_in(unit).whole
        return -(-(per_prompt * prompt_tokens + per_output * output_tokens) // denominator)

    def price_in(self, unit: Unit) -> TokenPrice:
        """The price per token in a unit; TariffError when there is none."""
        if unit not in self.prices:
            priced = ", ".join(self.prices) or "nothing"
            raise TariffError(
                f"the tariff from {self.source} prices {priced}, not {unit}: declare a price in {unit} under `tariff:`"
            )
        return self.prices[unit]

    def to_json(self) -> dict[str, Any]:
        """The tariff as JSON values; prices are exact fractions in text."""
        prices = {
            str(unit): {"prompt": str(price.prompt), "output": str(price.output)} for unit, price in self.prices.items()
        }
        return {"version": self.version, "prices": prices, "source": self.source}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Tariff":
        """The tariff that `to_json` wrote."""
        prices = {
            Unit(unit): TokenPrice(prompt=Fraction(price["prompt"]), output=Fraction(price["output"]))
            for unit, price in value["prices"].items()
        }
        return cls(version=value["version"], prices=prices, source=value["source"])


def parse_declared_prices(declared: Mapping[str, Any]) -> dict[Unit, TokenPrice]:
    """Prices as a strategy file declares them: per unit, `prompt_per_mtok` and `output_per_mtok` in that unit."""
    return {_parse_unit(unit): _parse_price(unit, price) for unit, price in declared.items()}


def _parse_unit(unit: str) -> Unit:
    try:
        return Unit(unit)
    except ValueError:
        raise TariffError(f"{unit}: no such unit; the units are {', '.join(Unit)}") from None


def _parse_price(unit: str, price: object) -> TokenPrice:
    fields = ("prompt_per_mtok", "output_per_mtok")
    if not isinstance(price, Mapping) or set(price) != set(fields):
        raise TariffError(f"{unit}: a price has exactly the fields {' and '.join(fields)}")
    quanta_per_unit = QUANTA_PER_UNIT[Unit(unit)]
    prompt, output = (_parse_number(price[field], f"{unit}.{field}") * quanta_per_unit / 10**6 for field in fields)
    return TokenPrice(prompt=prompt, output=output)


def _parse_number(number: object, field: str) -> Fraction:
    # A YAML 0.1 is meant as one tenth, not as the nearest double: hence through its text.
    try:
        if isinstance(number, bool):
            raise ValueError
        value = Fraction(str(number))
    except ValueError:
        raise TariffError(f"{field}: {number!r} is not a number") from None
    if value < 0:
        raise TariffError(f"{field}: {number!r} is negative: a price is at least 0")
    return value
