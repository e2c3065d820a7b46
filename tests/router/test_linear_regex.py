"""The regular expressions without backtracking agree with `re`, and can not be made slow."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.decoding.program_of_thought import EXPRESSION_PATTERN
from router.linear_regex import compile_regex

PIECES = [
    "a",
    "b",
    "[ab]",
    "[^a]",
    r"\d",
    r"\w",
    r"\s",
    ".",
    r"\b",
    "^",
    "$",
    "a*",
    "b+?",
    "(ab)?",
    "(a|b)*",
    "(a*)*",
    "b{2,3}",
    "|",
    "(?:ab|a)+",
]


@given(pieces=st.lists(st.sampled_from(PIECES), max_size=6), text=st.text(alphabet="ab1 \n", max_size=12))
def test_agrees_with_re(pieces: list[str], text: str) -> None:
    pattern = "".join(pieces)
    try:
        expected = bool(re.fullmatch(pattern, text))
    except re.error:
        return
    assert compile_regex(pattern).fullmatch(text) == expected


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)*$", "(a*)*$", "(.*a){12}", ".*.*.*.*x"])
def test_catastrophic_patterns_take_no_time(pattern: str) -> None:
    started = time.process_time()
    assert not compile_regex(pattern).fullmatch("a" * 3_000 + "!")
    assert time.process_time() - started < 5.0


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        (r"(a)\1", "linear-time"),
        ("(?=a)", "linear-time"),
        ("(?<!a)b", "linear-time"),
        ("a++", "linear-time"),
        ("(a{100}){100}", "states"),
        ("((?:){4000}){4000}", "states"),
        ("a{99999999999999999999}", "too"),
        ("(" * 490 + ")" * 490, "nested|states"),
        ("a" * 1_001, "characters"),
        ("(?m)^a", "flags"),
        ("(", "missing"),
    ],
)
def test_patterns_that_can_not_be_used_are_refused(pattern: str, reason: str) -> None:
    with pytest.raises(re.error, match=reason):
        compile_regex(pattern)


def test_case_can_be_ignored() -> None:
    assert compile_regex("[a-f]x", ignore_case=True).fullmatch("CX")
    assert compile_regex("(?i)straSse").fullmatch("STRASSE")
    assert not compile_regex("[a-f]x").fullmatch("CX")


def test_the_expression_grammar_is_small_enough() -> None:
    assert compile_regex(EXPRESSION_PATTERN).fullmatch("(3 + 4.5) * 20%")
