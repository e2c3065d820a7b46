"""Options and keys as prompts write them."""

import pytest

from router.decoding.options import DEFAULT_KEYS_PATTERN, DEFAULT_OPTIONS_PATTERN, read_keys, read_options
from router.errors import NotEligible


@pytest.mark.parametrize(
    ("question", "options"),
    [
        ("Is it good? Options: yes, no", ("yes", "no")),
        ("Label it.\noptions: positive, negative or neutral.\nReview: fine", ("positive", "negative", "neutral")),
        ("Answer with one of: 'spam', 'ham', or 'other'.", ("spam", "ham", "other")),
        ("Choose one of these labels: a / b / c", ("a", "b", "c")),
        ("Choose from: red|green|blue", ("red", "green", "blue")),
        ("Categories: sport; politics; arts and culture", ("sport", "politics", "arts and culture")),
        ("Answer yes or no: is water wet?", ("yes", "no")),
        ("Is water wet? Answer with only true or false.", ("true", "false")),
        ("Which? Options:\n- a dog\n- a cat\n\nThink.", ("a dog", "a cat")),
        ("Capital of France?\nOptions:\nA) Lyon\nB) Paris\nC) Nice", ("A", "B", "C")),
        ("Capital? Options: A) Lyon, B) Paris", ("A", "B")),
        ("Options: 1,000, 2,000", ("1,000", "2,000")),
        ("Options: yes,no", ("yes", "no")),
        ("Options: a, a, b", ("a", "b")),
        ("Options: see below. Now really, options: x, y", ("x", "y")),
        ("Is it good (options: yes, no)?", ("yes", "no")),
    ],
)
def test_options_are_read(question: str, options: tuple[str, ...]) -> None:
    assert read_options(question, DEFAULT_OPTIONS_PATTERN) == options


@pytest.mark.parametrize(
    "question", ["What is the capital of France?", "Options: only one", "The options: " + "x" * 90 + ", b", ""]
)
def test_a_prompt_without_options_is_not_eligible(question: str) -> None:
    with pytest.raises(NotEligible, match="names no options"):
        read_options(question, DEFAULT_OPTIONS_PATTERN)


def test_a_pattern_of_ones_own() -> None:
    assert read_options("pick{a,b}", r"pick\{(?P<list>[^}]+)\}") == ("a", "b")


@pytest.mark.parametrize(
    ("question", "keys"),
    [
        ("Return JSON with keys name, city and year.", ("name", "city", "year")),
        ('Give JSON with the fields `first_name`, `age`, and "zip" only.', ("first_name", "age", "zip")),
        ("JSON with key: name", ()),
        ("JSON with keys: name", ("name",)),
        ("Extract the person as JSON.", ()),
    ],
)
def test_keys_are_read(question: str, keys: tuple[str, ...]) -> None:
    assert read_keys(question, DEFAULT_KEYS_PATTERN) == keys
