"""The arithmetic that models write: exact, bounded, never code."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.errors import ExpressionError
from router.expression import evaluate_expression, format_number


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", "12"),
        ("2 + 3 * 4", "14"),
        ("(2 + 3) * 4", "20"),
        ("10 - 4 - 3", "3"),
        ("24 / 4 / 3", "2"),
        ("-5 - -3", "-2"),
        ("2*-3", "-6"),
        ("0.1 + 0.2", "3/10"),
        (".5 * 4.", "2"),
        ("15% * 80", "12"),
        ("80 - 25%", "60"),
        ("80 + 25% * 2", "161/2"),
        ("80 - (25%)", "319/4"),
        ("1 / 3 * 3", "1"),
        ("((1 + 2) * (3 + 4)) / 7", "3"),
    ],
)
def test_values_are_exact(text: str, value: str) -> None:
    assert evaluate_expression(text) == Fraction(value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "+",
        "1 +",
        "1 2",
        "(1",
        "1)",
        "()",
        "1 / 0",
        "1 / (2 - 2)",
        "2 ** 3",
        "2 // 3",
        "1e9",
        "1,000",
        "x",
        "__import__('os')",
        "1.2.3",
        "9" * 21,
        "1 + " * 100 + "1",
        "(" * 30 + "1" + ")" * 30,
        "-" * 30 + "1",
        "10 % 3",
        "%",
        "\u0661",
        "1;2",
        "1\n2",
        "0x1",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ExpressionError):
        evaluate_expression(text)


@given(st.text(alphabet="0123456789+-*/(). %", max_size=60))
def test_any_text_has_a_value_or_is_refused(text: str) -> None:
    try:
        value = evaluate_expression(text)
    except ExpressionError:
        return
    assert isinstance(value, Fraction)


@given(
    st.recursive(
        st.integers(0, 999).map(str),
        lambda part: st.tuples(part, st.sampled_from("+-*"), part).map(
            lambda triple: f"({triple[0]} {triple[1]} {triple[2]})"
        ),
        max_leaves=8,
    )
)
def test_agrees_with_python_on_whole_numbers(text: str) -> None:
    assert evaluate_expression(text) == eval(text)  # the oracle: made here of digits, + - * and parentheses


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        ("12", 6, "12"),
        ("-7/2", 6, "-3.5"),
        ("1/3", 4, "0.3333"),
        ("2/3", 4, "0.6667"),
        ("1/8", 2, "0.12"),
        ("100", 0, "100"),
        ("-1/1000", 2, "0"),
        ("1000000", 6, "1000000"),
        ("0", 6, "0"),
    ],
)
def test_numbers_are_printed_clean(value: str, decimals: int, text: str) -> None:
    assert format_number(Fraction(value), decimals=decimals) == text


@given(st.decimals(min_value=-(10**30), max_value=10**30, places=6))
def test_printed_numbers_read_back_exactly(value: Decimal) -> None:
    assert Fraction(format_number(Fraction(value), decimals=6)) == Fraction(value)
