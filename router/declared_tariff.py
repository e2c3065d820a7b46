"""The `tariff:` section of a strategy file: prices as people and `apportion strategies measure` write them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction
from typing import NoReturn

from router.errors import TariffError
from router.flops import ReferenceTask
from router.tariff import TokenPrice
from router.units import QUANTA_PER_UNIT, Unit

NEEDED = ("prompt_per_mtok", "output_per_mtok")
OPTIONAL = ("cached_prompt_per_mtok", "batch_discount", "source", "date", "machine")
FLOPS_TERMS = ("cached_prompt_per_mtok", "attention_at", "source", "date", "machine")


@dataclass(frozen=True, kw_only=True)
class FlopsTerms:
    """What a file says of FLOPs that follow from the model's size."""

    cached_prompt: Fraction | None = None  # FLOPs per cached prompt token; None: a cold cache is charged
    reference: ReferenceTask | None = None  # at whose length attention is priced; None: attention is left out


@dataclass(frozen=True, kw_only=True)
class DeclaredTariff:
    """The prices of an engine or a strategy, as far as a file states them."""

    version: int = 1
    prices: Mapping[Unit, TokenPrice] = field(default_factory=dict)
    sources: Mapping[Unit, str] = field(default_factory=dict)
    flops: FlopsTerms = FlopsTerms()

    def refine(self, own: "DeclaredTariff") -> "DeclaredTariff":
        """An engine's tariff with what one of its strategies declares of its own."""
        kept = {unit: source for unit, source in self.sources.items() if unit not in own.prices}
        return DeclaredTariff(
            version=max(self.version, own.version),
            prices={**self.prices, **own.prices},
            sources={**kept, **own.sources},
            flops=self.flops if own.flops == FlopsTerms() else own.flops,
        )


def parse_declared_tariff(declared: Mapping[str, object]) -> DeclaredTariff:
    """The tariff that a file declares: `version`, and under each unit its prices, per million tokens in that unit.

    TariffError begins with the place within the section and a colon.
    """
    tariff = DeclaredTariff(version=_read_version(declared.get("version", 1)))
    for name, stated in declared.items():
        if name != "version":
            tariff = _add_price(tariff, _parse_unit(name), stated)
    return tariff


def _add_price(tariff: DeclaredTariff, unit: Unit, stated: object) -> DeclaredTariff:
    source = _read_source(unit, stated)
    sources = {**tariff.sources, **({unit: source} if source else {})}
    if unit is Unit.FLOPS and isinstance(stated, Mapping) and not set(stated) & set(NEEDED):
        return replace(tariff, flops=_parse_flops_terms(stated), sources=sources)
    return replace(tariff, prices={**tariff.prices, unit: _parse_price(unit, stated)}, sources=sources)


def _read_version(number: object) -> int:
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise TariffError(f"version: {number!r} is not a whole number of at least 1")
    return number


def _parse_unit(unit: str) -> Unit:
    try:
        return Unit(unit)
    except ValueError:
        raise TariffError(f"{unit}: no such unit; the units are {', '.join(Unit)}") from None


def _parse_price(unit: Unit, price: object) -> TokenPrice:
    if not isinstance(price, Mapping) or not set(NEEDED) <= set(price):
        raise TariffError(f"{unit}: a price has the fields {' and '.join(NEEDED)}")
    _refuse_unknown(unit, price, (*NEEDED, *OPTIONAL))
    discount = _parse_number(price.get("batch_discount", 0), f"{unit}.batch_discount")
    if discount > 1:
        raise TariffError(f"{unit}.batch_discount: {discount} is more than 1: it is a share, 0.5 for half the price")
    prompt, output = (_read_per_token(unit, price, name) * (1 - discount) for name in NEEDED)
    if "cached_prompt_per_mtok" not in price:
        return TokenPrice(prompt=prompt, output=output)
    cached = _read_per_token(unit, price, "cached_prompt_per_mtok") * (1 - discount)
    if cached > prompt:
        raise TariffError(f"{unit}.cached_prompt_per_mtok: is above prompt_per_mtok: a cold prompt has to be dearest")
    return TokenPrice(prompt=prompt, output=output, cached_prompt=cached)


def _parse_flops_terms(stated: Mapping[str, object]) -> FlopsTerms:
    _refuse_unknown(Unit.FLOPS, stated, FLOPS_TERMS)
    cached = None
    if "cached_prompt_per_mtok" in stated:
        cached = _read_per_token(Unit.FLOPS, stated, "cached_prompt_per_mtok")
    reference = _parse_reference(stated["attention_at"]) if "attention_at" in stated else None
    return FlopsTerms(cached_prompt=cached, reference=reference)


def _parse_reference(stated: object) -> ReferenceTask:
    place = f"{Unit.FLOPS}.attention_at"
    if not isinstance(stated, Mapping) or set(stated) != set(ReferenceTask._fields):
        raise TariffError(f"{place}: has exactly the fields {' and '.join(ReferenceTask._fields)}")
    for name, count in stated.items():
        if isinstance(count, bool) or not isinstance(count, int) or count < 0:
            raise TariffError(f"{place}.{name}: {count!r} is not a whole number of at least 0")
    return ReferenceTask(**stated)


def _refuse_unknown(unit: Unit, stated: Mapping[str, object], known: tuple[str, ...]) -> None:
    for name in stated:
        if name not in known:
            raise TariffError(f"{unit}.{name}: is not known; known fields: {', '.join(known)}")


def _read_source(unit: Unit, stated: object) -> str:
    """Who says so, when, and of which machine: what there is of it, in one text."""
    if not isinstance(stated, Mapping):
        return ""
    given = {name: stated[name] for name in ("source", "date", "machine") if name in stated}
    for name, value in given.items():
        if not isinstance(value, str | date) or not str(value).strip():
            raise TariffError(f"{unit}.{name}: {value!r} is not a text")
    return ", ".join(map(str, given.values()))


def _read_per_token(unit: Unit, price: Mapping[str, object], name: str) -> Fraction:
    return _parse_number(price[name], f"{unit}.{name}") * QUANTA_PER_UNIT[unit] / 10**6


def _parse_number(number: object, field_name: str) -> Fraction:
    # A YAML 0.1 is meant as one tenth, not as the nearest double: hence through its text.
    try:
        if isinstance(number, bool):
            raise ValueError
        value = Fraction(str(number))
    except (ValueError, ZeroDivisionError):
        _refuse_number(field_name, number, "is not a number")
    if value < 0:
        _refuse_number(field_name, number, "is negative: a price is at least 0")
    return value


def _refuse_number(field_name: str, number: object, reason: str) -> NoReturn:
    raise TariffError(f"{field_name}: {number!r} {reason}") from None
