"""Graders: what they promise for every answer, and how a wrong description of one is refused."""

import time
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.errors import GraderError
from router.grading import grade, parse_grader
from router.grading.registry import GRADERS

ONE_OF_EACH: dict[str, dict[str, object]] = {
    "exact": {"reference": "Paris"},
    "normalised": {"reference": ["Paris", "Lutetia"]},
    "numeric": {"reference": "12.5", "tolerance": 0.1, "units": ["km"]},
    "choice": {"reference": "yes", "options": ["yes", "no"]},
    "regex": {"reference": r"(\w+ ?)+"},
    "json_fields": {"reference": {"city": "Paris", "population": 2.1e6}},
    "contains_all": {"reference": ["Paris", ["Seine", "river"]], "none_of": ["Rome"]},
    "properties": {"reference": {"must_contain": ["Paris"], "ends_with": "!", "case": "upper"}},
    "json_schema": {
        "reference": {"anyOf": [{"type": "object"}, {"items": {"pattern": "(a+)+$"}, "uniqueItems": True}]}
    },
    "f1": {"reference": ["the capital of France", "Paris"]},
    "code": {"reference": "assert f(2) == 4"},
    "judge": {"reference": "Names the capital of France."},
}
PURE = sorted(ONE_OF_EACH.keys() - {"code", "judge"})  # kinds that need nothing but the answer

answers = st.text(max_size=200) | st.text(alphabet="0123456789.,-+$%/()= eorkKm\n\"{}[]:yesnoPari'", max_size=80)


def test_every_kind_is_tested_here() -> None:
    assert ONE_OF_EACH.keys() == GRADERS.keys()


@pytest.mark.parametrize("kind", PURE)
@given(answer=answers)
def test_a_grade_is_a_number_from_0_to_1_and_always_the_same(kind: str, answer: str) -> None:
    grader = parse_grader({"kind": kind, **ONE_OF_EACH[kind]})
    first = grade(grader, answer)
    assert first is not None
    assert 0.0 <= first <= 1.0
    assert grade(grader, answer) == first


@pytest.mark.parametrize("kind", GRADERS)
@pytest.mark.parametrize(
    "piece",
    ["a", "1", "-", "1 ", "yes ", "*", "(", "=", "1=", ",1", "[", '"', "not ", "Paris ", "don't", "\n", "\u0301", "' ",
     "yes'", "yes or ", "yes. no, ", "Paris....", "not.....yes ", "1 and ", "yes " + "." * 400, "yes" + " a'" * 150],
)  # fmt: skip
def test_no_answer_takes_long_to_grade(kind: str, piece: str) -> None:
    grader = parse_grader({"kind": kind, **ONE_OF_EACH[kind]})
    for length in (1_900, 4_900, 49_900, 200_000):
        started = time.process_time()
        grade(grader, piece * (length // len(piece)))
        assert time.process_time() - started < 2.0


@pytest.mark.parametrize("kind", GRADERS)
@pytest.mark.parametrize("blank", ["", " ", "\n\t", "\u00a0"])
def test_a_blank_answer_is_wrong(kind: str, blank: str) -> None:
    assert grade(parse_grader({"kind": kind, **ONE_OF_EACH[kind]}), blank) == 0.0


@pytest.mark.parametrize("kind", ["code", "judge"])
def test_what_the_answer_alone_does_not_tell_has_no_grade(kind: str) -> None:
    grader = parse_grader({"kind": kind, **ONE_OF_EACH[kind]})
    assert grade(grader, "Paris") is None


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=3))
def test_numeric_finds_the_number_in_any_common_writing(number: object) -> None:
    grader = parse_grader({"kind": "numeric", "reference": str(number)})
    for written in (f"{number}", f"{number:,}", f"The answer is {number:,} apples.", f"**{number}**", f"= {number}"):
        assert grade(grader, written) == 1.0


@given(st.integers(-10_000, 10_000), st.integers(-10_000, 10_000))
def test_numeric_refuses_two_numbers(right: int, wrong: int) -> None:
    grader = parse_grader({"kind": "numeric", "reference": right})
    joined = [
        f"{wrong} or {right}",
        f"{right}, {wrong}",
        f"{wrong} {right}",
        f"{right} and {wrong}",
        f"{wrong} / {right}",
    ]
    assert right == wrong or not any(grade(grader, answer) for answer in joined)


@given(
    st.integers(-999, 999),
    st.decimals(min_value=0, max_value=5, places=2),
    st.decimals(min_value=-9, max_value=9, places=2),
)
def test_numeric_tolerance_is_exact(reference: int, tolerance: object, offset: object) -> None:
    from decimal import Decimal

    grader = parse_grader({"kind": "numeric", "reference": reference, "tolerance": str(tolerance)})
    answer = Decimal(reference) + Decimal(str(offset))
    assert grade(grader, str(answer)) == float(abs(Decimal(str(offset))) <= Decimal(str(tolerance)))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("numeric", "grader: must be a mapping, got 'numeric'"),
        (
            {"kind": "numerc", "reference": 1},
            "grader.kind: 'numerc' is not known (did you mean 'numeric'?); known kinds: exact, normalised,",
        ),
        ({"reference": 1}, "grader.kind: is missing; known kinds: exact,"),
        ({"kind": "exact"}, "grader.reference: is missing"),
        ({"kind": "exact", "reference": 12}, "grader.reference: must be a text, got 12: put quotes around it"),
        ({"kind": "exact", "reference": " "}, "grader.reference: must not be empty"),
        ({"kind": "exact", "reference": "a", "ignorecase": True}, "grader.ignorecase: is not a known key"),
        ({"kind": "normalised", "reference": "..."}, "grader.reference: must hold more than punctuation"),
        ({"kind": "normalised", "reference": []}, "grader.reference: must be a list of texts"),
        ({"kind": "numeric", "reference": "a dozen"}, "grader.reference: must be a number, got 'a dozen'"),
        ({"kind": "numeric", "reference": float("nan")}, "grader.reference: must be a number, got nan"),
        ({"kind": "numeric", "reference": True}, "grader.reference: must be a number, got True"),
        (
            {"kind": "numeric", "reference": 1, "tolerance": -1},
            "grader.tolerance: must be a number of at least 0, got -1",
        ),
        ({"kind": "choice", "reference": "a"}, "grader.options: is missing"),
        (
            {"kind": "choice", "reference": "c", "options": ["a", "b"]},
            "grader.reference: must be one of the options (a, b), got 'c'",
        ),
        ({"kind": "choice", "reference": "a", "options": ["a", "**"]}, "grader.options: must hold more than"),
        ({"kind": "regex", "reference": "("}, "grader.reference: is not a regular expression that can be used:"),
        ({"kind": "regex", "reference": r"(a)\1"}, "grader.reference: is not a regular expression that can be used:"),
        ({"kind": "regex", "reference": "a", "ignore_case": 1}, "grader.ignore_case: must be true or false, got 1"),
        ({"kind": "json_fields", "reference": []}, "grader.reference: must be a mapping, got []"),
        ({"kind": "json_fields", "reference": {}}, "grader.reference: must hold at least one field"),
        ({"kind": "contains_all", "reference": []}, "grader.reference: must be a list with at least one item, got []"),
        (
            {"kind": "contains_all", "reference": ["a", 2]},
            "grader.reference[1]: must be a text, got 2: put quotes around it",
        ),
        ({"kind": "properties", "reference": {}}, "grader.reference: must ask for at least one property"),
        (
            {"kind": "properties", "reference": {"max_word": 1}},
            "grader.reference.max_word: is not a known key (did you mean 'max_words'?)",
        ),
        (
            {"kind": "numeric", "reference": 1, "unit": "gallon"},
            "grader.unit: 'gallon' is unknown or means several things: list the spellings",
        ),
        ({"kind": "numeric", "reference": 1, "unit": "KM/H"}, "grader.unit: 'KM/H' is unknown or means several things"),
        ({"kind": "numeric", "reference": 1, "unit": "km", "units": ["km"]}, "grader.unit: converts, and units lists"),
        ({"kind": "f1", "reference": ["Paris", "The."]}, "grader.reference: must hold more than articles and"),
        ({"kind": "f1", "reference": "Paris", "threshold": 0}, "grader.threshold: must be above 0, or every"),
        (
            {"kind": "f1", "reference": "Paris", "threshold": 50},
            "grader.threshold: must be a number from 0 to 1, got 50",
        ),
        ({"kind": "judge", "reference": "x" * 20_001}, "grader.reference: has 20001 characters, and a rubric at most"),
        ({"kind": "judge", "reference": "x", "highest": 101}, "grader.highest: must be at most 100, got 101"),
        ({"kind": "judge", "reference": "x", "highest": 5, "passing": 6}, "grader.passing: must be at most 5, got 6"),
        (
            {"kind": "properties", "reference": {"case": "snake"}},
            "grader.reference.case: 'snake' is not known; known cases: upper, lower, title",
        ),
    ],
)
def test_a_wrong_description_is_refused_by_name(value: Mapping[str, object], message: str) -> None:
    with pytest.raises(GraderError) as caught:
        parse_grader(value)
    assert str(caught.value).startswith(message)
