"""Amounts as people write them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.errors import AmountError
from router.units import LARGEST_QUANTA, QUANTA_PER_UNIT, Amount, BudgetPercent, Unit, format_amount, parse_budget


@pytest.mark.parametrize(
    ("text", "unit", "quanta"),
    [
        ("3.5e14 FLOPs", Unit.FLOPS, 350_000_000_000_000),
        ("0.02 USD", Unit.USD, 20_000_000_000),
        ("90 GPU-seconds", Unit.GPU_SECONDS, 90_000_000),
        ("0.5 joules", Unit.JOULES, 500_000),
        ("1 Joule", Unit.JOULES, 1_000_000),
        ("0.0000019 joules", Unit.JOULES, 1),
        ("40000 tokens", Unit.TOKENS, 40_000),
        ("  40,000 TOKENS ", Unit.TOKENS, 40_000),
        ("1 token", Unit.TOKENS, 1),
        (".5usd", Unit.USD, 500_000_000_000),
        ("1.9 tokens", Unit.TOKENS, 1),
        ("0.0000000000019 USD", Unit.USD, 1),
        ("1e-999999999 FLOPs", Unit.FLOPS, 0),
    ],
)
def test_amounts_are_read_exactly_and_rounded_down(text: str, unit: Unit, quanta: int) -> None:
    assert parse_budget(text) == Amount(unit=unit, quanta=quanta)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not a budget"),
        ("nan USD", "not a budget"),
        ("inf FLOPs", "not a budget"),
        ("1_000 USD", "not a budget"),
        ("1,00 USD", "not a budget"),
        ("٣ USD ", "not a budget"),
        ("e5 USD", "number"),
        ("USD", "not a budget"),
        ("5", "no unit"),
        ("-1 USD", "negative"),
        ("-1%", "negative"),
        ("3 bananas", "bananas"),
        ("100.5%", "more than 100%"),
        ("1e38 FLOPs", "ledger"),
        ("1e999999999 USD", "ledger"),
    ],
)
def test_what_is_wrong_is_named(text: str, says: str) -> None:
    with pytest.raises(AmountError, match=says):
        parse_budget(text)


def test_a_percentage_lies_between_the_cheapest_and_the_dearest_total() -> None:
    percent = parse_budget("12.5%")
    assert percent == BudgetPercent(percent=Decimal("12.5"))
    assert isinstance(percent, BudgetPercent)
    assert percent.quanta_between(1000, 1999) == 1124
    assert BudgetPercent(percent=Decimal(0)).quanta_between(7, 9) == 7
    assert BudgetPercent(percent=Decimal(100)).quanta_between(7, 10**30) == 10**30


@given(st.sampled_from(Unit), st.integers(0, LARGEST_QUANTA))
def test_a_formatted_amount_reads_back_on_the_right_side(unit: Unit, quanta: int) -> None:
    amount = Amount(unit=unit, quanta=quanta)
    below = parse_budget(format_amount(amount))
    assert isinstance(below, Amount)
    assert below.quanta <= quanta
    assert quanta - below.quanta <= max(quanta // 100, 1)
    if quanta < LARGEST_QUANTA // 10:
        above = parse_budget(format_amount(amount, round_up=True))
        assert isinstance(above, Amount)
        assert quanta <= above.quanta <= quanta + max(quanta // 100, QUANTA_PER_UNIT[unit] // 10**4, 1)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (Amount(unit=Unit.FLOPS, quanta=350_999_999_999_999), "3.50e+14 FLOPs"),
        (Amount(unit=Unit.FLOPS, quanta=0), "0 FLOPs"),
        (Amount(unit=Unit.USD, quanta=20_000_000_000), "0.0200 USD"),
        (Amount(unit=Unit.USD, quanta=123), "0.000000000123 USD"),
        (Amount(unit=Unit.JOULES, quanta=1_234_567_891), "1,234.5678 joules"),
        (Amount(unit=Unit.JOULES, quanta=1), "0.00000100 joules"),
        (Amount(unit=Unit.TOKENS, quanta=40_000), "40,000 tokens"),
    ],
)
def test_amounts_are_short(amount: Amount, text: str) -> None:
    assert format_amount(amount) == text
