"""Prices as a strategy file declares them."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.declared_tariff import FlopsTerms, parse_declared_tariff
from router.errors import TariffError
from router.flops import ReferenceTask
from router.tariff import TokenPrice
from router.units import QUANTA_PER_UNIT, Unit

PER_MTOK = st.decimals(min_value=0, max_value=10**6, places=6)


def test_declared_prices_mean_their_decimals() -> None:
    tariff = parse_declared_tariff({"USD": {"prompt_per_mtok": 0.1, "output_per_mtok": "0.2"}})
    assert tariff.prices == {Unit.USD: TokenPrice(prompt=Fraction(100_000), output=Fraction(200_000))}


def test_a_batch_discount_makes_every_price_smaller() -> None:
    listed = {"prompt_per_mtok": 2.5, "output_per_mtok": 10, "cached_prompt_per_mtok": 1.25, "batch_discount": 0.5}
    price = parse_declared_tariff({"USD": listed}).prices[Unit.USD]
    assert price == TokenPrice(prompt=Fraction(1_250_000), output=Fraction(5_000_000), cached_prompt=Fraction(625_000))


@given(st.sampled_from(Unit), PER_MTOK, PER_MTOK, st.decimals(min_value=0, max_value=1, places=3))
def test_prices_and_discounts_are_exact_in_every_unit(
    unit: Unit, prompt: Decimal, output: Decimal, discount: Decimal
) -> None:
    listed = {"prompt_per_mtok": str(prompt), "output_per_mtok": str(output), "batch_discount": str(discount)}
    price = parse_declared_tariff({unit: listed}).prices[unit]
    per_million = (price.prompt * 10**6, price.output * 10**6)
    scale = QUANTA_PER_UNIT[unit] * (1 - Fraction(discount))
    assert per_million == (Fraction(prompt) * scale, Fraction(output) * scale)


def test_flops_that_follow_from_the_model_take_terms() -> None:
    stated = {"cached_prompt_per_mtok": 0, "attention_at": {"prompt_tokens": 400, "output_tokens": 50}}
    tariff = parse_declared_tariff({"FLOPs": stated})
    assert tariff.prices == {}
    assert tariff.flops == FlopsTerms(cached_prompt=Fraction(0), reference=ReferenceTask(400, 50))


def test_a_price_says_where_it_comes_from() -> None:
    listed = {"prompt_per_mtok": 1, "output_per_mtok": 2, "source": "price list", "date": date(2026, 11, 26)}
    assert parse_declared_tariff({"USD": listed}).sources == {Unit.USD: "price list, 2026-11-26"}


@pytest.mark.parametrize(
    ("declared", "says"),
    [
        ({"EUR": {}}, "EUR: no such unit"),
        ({"USD": {"prompt_per_mtok": 1}}, "USD: a price has the fields prompt_per_mtok and output_per_mtok"),
        ({"USD": 3}, "USD: a price has the fields"),
        ({"FLOPs": 3}, "FLOPs: a price has the fields"),
        ({"USD": {"prompt_per_mtok": "x", "output_per_mtok": 1}}, "USD.prompt_per_mtok: 'x' is not a number"),
        ({"USD": {"prompt_per_mtok": "1/0", "output_per_mtok": 1}}, "USD.prompt_per_mtok: '1/0' is not a number"),
        ({"USD": {"prompt_per_mtok": float("nan"), "output_per_mtok": 1}}, "is not a number"),
        ({"USD": {"prompt_per_mtok": True, "output_per_mtok": 1}}, "is not a number"),
        ({"USD": {"prompt_per_mtok": 1, "output_per_mtok": -1}}, "USD.output_per_mtok: -1 is negative"),
        ({"USD": {"prompt_per_mtok": 1, "output_per_mtok": 1, "batch_discount": 50}}, "USD.batch_discount: 50 is more"),
        (
            {"USD": {"prompt_per_mtok": 1, "output_per_mtok": 1, "cached_prompt_per_mtok": 2}},
            "USD.cached_prompt_per_mtok: is above prompt_per_mtok",
        ),
        ({"USD": {"prompt_per_mtok": 1, "output_per_mtok": 1, "source": 3}}, "USD.source: 3 is not a text"),
        ({"FLOPs": {"attention_at": 400}}, "FLOPs.attention_at: has exactly the fields prompt_tokens and output_tok"),
        (
            {"FLOPs": {"attention_at": {"prompt_tokens": -1, "output_tokens": 1}}},
            "FLOPs.attention_at.prompt_tokens: -1 is not a whole number",
        ),
        ({"FLOPs": {"batch_discount": 1}}, "FLOPs.batch_discount: is not known"),
        ({"version": True}, "version: True is not a whole number of at least 1"),
    ],
)
def test_a_wrong_declaration_is_named(declared: dict[str, object], says: str) -> None:
    with pytest.raises(TariffError, match=says):
        parse_declared_tariff(declared)
