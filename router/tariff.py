"""A strategy's versioned price per token, in each unit it can be charged in."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any, NamedTuple

from router.errors import TariffError
from router.units import Unit


class WholePrice(NamedTuple):
    """A price per token as whole numbers."""

    prompt: int
    output: int
    cached_prompt: int
    denominator: int


@dataclass(frozen=True, kw_only=True)
class TokenPrice:
    """Quanta per prompt token, per output token and per prompt token found in the engine's cache, exact."""

    prompt: Fraction
    output: Fraction
    cached_prompt: Fraction | None = None  # None: as any prompt token

    def __post_init__(self) -> None:
        if self.prompt < 0 or self.output < 0 or (self.cached_prompt or 0) < 0:
            raise TariffError(f"a price is negative ({self._list_prices()}): it is at least 0")
        if self.cached_prompt is not None and self.cached_prompt > self.prompt:
            raise TariffError(
                f"a cached prompt token costs more than another ({self._list_prices()}): "
                "what is reserved is the price of a cold cache, and has to suffice"
            )

    @cached_property
    def whole(self) -> WholePrice:
        """The same price over one denominator: products of whole numbers are ten times as fast as fractions."""
        prices = (self.prompt, self.output, self.prompt if self.cached_prompt is None else self.cached_prompt)
        denominator = math.lcm(*(price.denominator for price in prices))
        prompt, output, cached_prompt = (int(price * denominator) for price in prices)
        return WholePrice(prompt, output, cached_prompt, denominator)

    def prompt_at(self, cached_share: float) -> float:
        """The expected price of a prompt token when this share of them is found in the cache."""
        saved = 0 if self.cached_prompt is None else float(self.prompt - self.cached_prompt)
        return float(self.prompt) - saved * cached_share

    def _list_prices(self) -> str:
        cached = "" if self.cached_prompt is None else f", cached {self.cached_prompt}"
        return f"prompt {self.prompt}, output {self.output}{cached}"


# Every token counts once, whatever the strategy.
TOKEN_COUNT = TokenPrice(prompt=Fraction(1), output=Fraction(1))


@dataclass(frozen=True, kw_only=True)
class Tariff:
    """What a strategy's tokens cost, and where the prices come from."""

    version: int
    prices: Mapping[Unit, TokenPrice]
    source: str
    sources: Mapping[Unit, str] = field(default_factory=dict)  # of single prices, as far as they are stated

    def charge(self, unit: Unit, *, prompt_tokens: int, output_tokens: int, cached_prompt_tokens: int = 0) -> int:
        """Quanta for one attempt, rounded up once; TariffError when this tariff has no price in the unit.

        Never more than with a cold cache, and never less than if the whole prompt had been cached, whatever is said.
        """
        per_prompt, per_output, per_cached, denominator = self.price_in(unit).whole
        charged = per_prompt * prompt_tokens + per_output * output_tokens
        if cached_prompt_tokens > 0:
            charged -= (per_prompt - per_cached) * min(cached_prompt_tokens, prompt_tokens)
        return -(-charged // denominator)

    def price_in(self, unit: Unit) -> TokenPrice:
        """The price per token in a unit; TariffError when there is none."""
        if unit not in self.prices:
            priced = ", ".join(self.prices) or "nothing"
            raise TariffError(
                f"the tariff from {self.source} prices {priced}, not {unit}: declare a price in {unit} under `tariff:`"
            )
        return self.prices[unit]

    def to_json(self) -> dict[str, Any]:
        """The tariff as JSON values; prices are exact fractions in text. What is not stated is left out."""
        value: dict[str, Any] = {"version": self.version, "source": self.source}
        value["prices"] = {str(unit): _price_to_json(price) for unit, price in self.prices.items()}
        if self.sources:
            value["sources"] = {str(unit): source for unit, source in self.sources.items()}
        return value

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Tariff":
        """The tariff that `to_json` wrote."""
        return cls(
            version=value["version"],
            prices={Unit(unit): _price_from_json(price) for unit, price in value["prices"].items()},
            source=value["source"],
            sources={Unit(unit): source for unit, source in value.get("sources", {}).items()},
        )


def _price_to_json(price: TokenPrice) -> dict[str, str]:
    declared = {"prompt": price.prompt, "output": price.output, "cached_prompt": price.cached_prompt}
    return {name: str(number) for name, number in declared.items() if number is not None}


def _price_from_json(price: Mapping[str, str]) -> TokenPrice:
    return TokenPrice(**{name: Fraction(number) for name, number in price.items()})
