"""Exact prices per token."""

import json
import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.errors import TariffError
from router.flops import ModelShape, attention_share, flops_price
from router.tariff import TOKEN_COUNT, Tariff, TokenPrice, parse_declared_prices
from router.units import Unit

PRICES = st.fractions(min_value=0, max_value=10**15)


def make_tariff(price: TokenPrice, unit: Unit = Unit.USD) -> Tariff:
    return Tariff(version=3, prices={unit: price, Unit.TOKENS: TOKEN_COUNT}, source="a price list")


@given(PRICES, PRICES, st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_charge_rounds_up_once(prompt: Fraction, output: Fraction, prompt_tokens: int, output_tokens: int) -> None:
    tariff = make_tariff(TokenPrice(prompt=prompt, output=output))
    charge = tariff.charge(Unit.USD, prompt_tokens=prompt_tokens, output_tokens=output_tokens)
    exact = prompt * prompt_tokens + output * output_tokens
    assert charge == math.ceil(exact)
    assert tariff.charge(Unit.TOKENS, prompt_tokens=prompt_tokens, output_tokens=output_tokens) == (
        prompt_tokens + output_tokens
    )


@given(PRICES, PRICES)
def test_json_keeps_prices_exact(prompt: Fraction, output: Fraction) -> None:
    tariff = make_tariff(TokenPrice(prompt=prompt, output=output))
    assert Tariff.from_json(json.loads(json.dumps(tariff.to_json()))) == tariff


def test_a_missing_unit_is_named() -> None:
    with pytest.raises(TariffError, match=r"a price list prices USD, tokens, not FLOPs"):
        make_tariff(TOKEN_COUNT).charge(Unit.FLOPS, prompt_tokens=1, output_tokens=1)


def test_declared_prices_mean_their_decimals() -> None:
    prices = parse_declared_prices({"USD": {"prompt_per_mtok": 0.1, "output_per_mtok": "0.2"}})
    assert prices == {Unit.USD: TokenPrice(prompt=Fraction(100_000), output=Fraction(200_000))}


@pytest.mark.parametrize(
    ("declared", "says"),
    [
        ({"EUR": {}}, "EUR: no such unit"),
        ({"USD": {"prompt_per_mtok": 1}}, "USD: a price has exactly"),
        ({"USD": 3}, "USD: a price has exactly"),
        ({"USD": {"prompt_per_mtok": "x", "output_per_mtok": 1}}, "USD.prompt_per_mtok: 'x' is not a number"),
        ({"USD": {"prompt_per_mtok": float("nan"), "output_per_mtok": 1}}, "is not a number"),
        ({"USD": {"prompt_per_mtok": True, "output_per_mtok": 1}}, "is not a number"),
        ({"USD": {"prompt_per_mtok": 1, "output_per_mtok": -1}}, "USD.output_per_mtok: -1 is negative"),
    ],
)
def test_a_wrong_declaration_is_named(declared: dict[str, object], says: str) -> None:
    with pytest.raises(TariffError, match=says):
        parse_declared_prices(declared)


def test_flops_of_smollm2_135m() -> None:
    """Counted by hand from its configuration: 30 layers, hidden 576, intermediate 1536, 9 heads, 3 key-value heads."""
    attention = 576 * 576 * 2 + 576 * 192 * 2
    feed_forward = 3 * 576 * 1536
    shape = ModelShape(
        matrix_parameters=30 * (attention + feed_forward), head_parameters=576 * 49_152, layers=30, hidden=576
    )
    price = flops_price(shape)
    assert price == TokenPrice(prompt=Fraction(2 * 106_168_320), output=Fraction(2 * (106_168_320 + 28_311_552)))
    assert attention_share(shape, context_tokens=300) == pytest.approx(0.05, abs=0.002)
    assert attention_share(shape, context_tokens=1024) == pytest.approx(0.17, abs=0.005)
