"""Exact prices per token."""

import json
import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.errors import TariffError
from router.flops import ModelShape, ReferenceTask, attention_share, count_attention_flops, flops_price
from router.tariff import TOKEN_COUNT, Tariff, TokenPrice
from router.units import Unit

PRICES = st.fractions(min_value=0, max_value=10**15)
COUNTS = st.integers(0, 10**6)
SMOLLM2 = ModelShape(
    matrix_parameters=106_168_320, head_parameters=576 * 49_152, layers=30, attention_width=9 * (64 + 64)
)


@st.composite
def token_prices(draw: st.DrawFn) -> TokenPrice:
    """Prices with and without one of their own for cached prompt tokens, never above that of others."""
    prompt = draw(PRICES)
    cached = draw(st.none() | st.fractions(min_value=0, max_value=1))
    return TokenPrice(prompt=prompt, output=draw(PRICES), cached_prompt=None if cached is None else cached * prompt)


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


@given(token_prices(), COUNTS, COUNTS, st.integers(-10, 2 * 10**6))
def test_cached_tokens_only_make_a_charge_smaller(
    price: TokenPrice, prompt_tokens: int, output_tokens: int, cached_tokens: int
) -> None:
    """Also before a server that finds more tokens in its cache than the prompt has."""
    tariff = make_tariff(price)
    charge = tariff.charge(
        Unit.USD, prompt_tokens=prompt_tokens, output_tokens=output_tokens, cached_prompt_tokens=cached_tokens
    )
    found = min(max(cached_tokens, 0), prompt_tokens)
    cached_price = price.prompt if price.cached_prompt is None else price.cached_prompt
    exact = price.prompt * (prompt_tokens - found) + cached_price * found + price.output * output_tokens
    assert charge == math.ceil(exact)
    assert 0 <= charge <= tariff.charge(Unit.USD, prompt_tokens=prompt_tokens, output_tokens=output_tokens)


@pytest.mark.parametrize(("cached", "says"), [(2, "costs more than another"), (-1, "is negative")])
def test_a_cached_price_that_no_reservation_could_cover_is_refused(cached: int, says: str) -> None:
    with pytest.raises(TariffError, match=says):
        TokenPrice(prompt=Fraction(1), output=Fraction(1), cached_prompt=Fraction(cached))


def test_the_expected_price_of_a_prompt_token_falls_with_the_cached_share() -> None:
    price = TokenPrice(prompt=Fraction(8), output=Fraction(1), cached_prompt=Fraction(2))
    assert [price.prompt_at(share) for share in (0.0, 0.5, 1.0)] == [8.0, 5.0, 2.0]
    assert TOKEN_COUNT.prompt_at(0.5) == 1.0


@given(token_prices(), st.dictionaries(st.sampled_from(Unit), st.text(min_size=1)))
def test_json_keeps_prices_exact(price: TokenPrice, sources: dict[Unit, str]) -> None:
    tariff = Tariff(version=3, prices={Unit.USD: price}, source="a price list", sources=sources)
    assert Tariff.from_json(json.loads(json.dumps(tariff.to_json()))) == tariff


def test_a_missing_unit_is_named() -> None:
    with pytest.raises(TariffError, match=r"a price list prices USD, tokens, not FLOPs"):
        make_tariff(TOKEN_COUNT).charge(Unit.FLOPS, prompt_tokens=1, output_tokens=1)


def test_flops_of_smollm2_135m() -> None:
    """Counted by hand from its configuration: 30 layers, hidden 576, intermediate 1536, 9 heads, 3 key-value heads."""
    attention = 576 * 576 * 2 + 576 * 192 * 2
    feed_forward = 3 * 576 * 1536
    assert SMOLLM2.matrix_parameters == 30 * (attention + feed_forward)
    price = flops_price(SMOLLM2)
    assert price == TokenPrice(prompt=Fraction(2 * 106_168_320), output=Fraction(2 * (106_168_320 + 28_311_552)))
    assert attention_share(SMOLLM2, ReferenceTask(300, 0)) == pytest.approx(0.05, abs=0.002)
    assert attention_share(SMOLLM2, ReferenceTask(1024, 0)) == pytest.approx(0.17, abs=0.005)


@given(st.integers(0, 60), st.integers(0, 40))
def test_attention_counts_every_pair_of_tokens_once(prompt_tokens: int, output_tokens: int) -> None:
    """Per pair, layer and query head: a product of two vectors of 64 numbers, and 64 numbers weighted and added up."""
    pairs = sum(position + 1 for position in range(prompt_tokens + output_tokens))
    per_pair = 30 * 9 * (2 * 64 + 2 * 64)
    assert count_attention_flops(SMOLLM2, ReferenceTask(prompt_tokens, output_tokens)) == pairs * per_pair


@given(st.integers(0, 10**4), st.integers(0, 10**4), COUNTS, COUNTS)
def test_attention_is_charged_exactly_at_the_reference_and_in_proportion_elsewhere(
    prompt: int, output: int, prompt_tokens: int, output_tokens: int
) -> None:
    reference = ReferenceTask(prompt, output)
    tariff = make_tariff(flops_price(SMOLLM2, reference=reference), Unit.FLOPS)
    without = make_tariff(flops_price(SMOLLM2), Unit.FLOPS)
    used = {"prompt_tokens": prompt, "output_tokens": output}
    attention = tariff.charge(Unit.FLOPS, **used) - without.charge(Unit.FLOPS, **used)
    assert attention == count_attention_flops(SMOLLM2, reference)
    some = tariff.charge(Unit.FLOPS, prompt_tokens=prompt_tokens, output_tokens=output_tokens)
    more = tariff.charge(Unit.FLOPS, prompt_tokens=prompt_tokens + prompt, output_tokens=output_tokens + output)
    assert more == some + tariff.charge(Unit.FLOPS, **used)
