"""Whoever denies the right answer, hedges it or reckons on with it is wrong; whoever states it is right."""

from collections.abc import Mapping
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.grading import grade, parse_grader

DENIALS = [
    "not {}", "It is not {}.", "It isn't {}.", "I doubt it is {}.", "I doubt that the answer is {}.", "{} is false.",
    "{} is wrong.", "{} is not right.", "{} would be incorrect.", "{} is definitely the wrong answer.",
    "It is false that it is {}.", "It is untrue that the answer is {}.", "Nobody would say {}.", "No one says {}.",
    "Anything but {}.", "Everything except {}.", "Unlike {}, something else is.", "Far from {}.", "Never {}.",
    "I deny that it is {}.", "It is impossible that it is {}.", "{} is impossible.", "{} is out of the question.",
    "{}, which is wrong.", "{}, but that is not true.", "{}. Just kidding.", "{}. Scratch that.", "{} - no.", "~~{}~~",
    "It is unlikely to be {}.", "It is a mistake to say {}.", "{} is a lie.", "I would refuse to say {}.", "{}, not.",
    "Instead of {}, another.", "It cannot be {}.", "It fails to be {}.", "The wrong answer is {}.", "I reject {}.",
    "It used to be {}.", "If only it were {}.", "Wrong answers:\n{}", "It is not\n{}", "{}, said nobody.",
]  # fmt: skip
HEDGES = [
    "maybe {}", "Perhaps {}.", "Possibly {}.", "{}, maybe.", "{}, perhaps.", "{} or something else.", "Another or {}.",
    "Either {} or another.", "It might be {}.", "It could be {}.", "It may be {}.", "I guess {}.", "{}, I guess.",
    "I wonder whether it is {}.", "I am unsure if it is {}.", "{} might be right.", "{}, unless it is another.",
    "Is it {}?", "Is it {}", "{}?", "{}?!", "({}?)", "What about {}", "Some say {}.", "It is said to be {}.",
    "{}. Or not.", "I suppose {}.", "Let's say {}.", "It depends: {}", "{} is a guess.", "Assuming it is {}",
]  # fmt: skip
SUMS = [
    "{} plus one", "{} minus one", "{} times two", "{} divided by two", "{} and a half", "{} hundredths", "{} thirds",
    "half of {}", "a third of {}", "twice {}", "double {}", "{} squared", "{} cubed", "{} doubled", "{} percent", "{}%",
    "the square of {}", "the square root of {}", "one plus {}", "two times {}", "one more than {}", "less than {}",
    "more than {}", "at least {}", "{} at most", "under {}", "almost {}", "{} + two", "{} * two", "{} x two",
    "{} - two", "{} / two", "{}, plus one", "{} (plus one)", "{} pens plus one", "{} over two",
    "{} to the power of two",
    "subtract one from {}", "add one to {}", "{} thousand", "{} dozen", "{}th", "{} out of twenty", "ten to {}",
    "The answer plus one is {}.", "Twice the answer is {}.", "{} is half the answer.", "{} is too low.", "{}-ish",
]  # fmt: skip
STATEMENTS = [
    "{}", "{}.", "The answer is {}.", "The answer is: {}", "It is {}, of course.", "**{}**", "No doubt it is {}.",
    "I think it is {}.", "It is probably {}.", "Without a doubt, {}.", "Answer: {}", "So it is {}.", "It must be {}.",
    "Nobody doubts that it is {}.", "None other than {}.", "It is {}, and that is right.", "I am sure it is {}.",
    "That was easy. The answer is {}.", "{}, which is right.", "Here it is:\n{}",
]  # fmt: skip
NAMES = ["Paris", "the Seine", "Ada Lovelace", "oxygen", "H2O", "green", "mercury", "O'Brien"]
OPTIONS = ["yes", "no", "positive", "negative", "billing", "green", "B", "true"]


class Question(NamedTuple):
    """A grader, and what its reference is called in an answer."""

    grader: Mapping[str, object]
    right: str


def ask_name(name: str) -> Question:
    return Question({"kind": "contains_all", "reference": [name]}, name)


def ask_option(option: str) -> Question:
    return Question({"kind": "choice", "reference": option, "options": [option, "another option"]}, option)


def ask_number(number: int) -> Question:
    return Question({"kind": "numeric", "reference": number}, str(number))


numbers = st.integers(2, 10**6).map(ask_number)
questions = st.sampled_from(NAMES).map(ask_name) | st.sampled_from(OPTIONS).map(ask_option) | numbers


def grade_answer(question: Question, template: str) -> float | None:
    return grade(parse_grader(question.grader), template.format(question.right))


@pytest.mark.parametrize("template", DENIALS)
@settings(max_examples=20)
@given(question=questions)
def test_who_denies_the_reference_is_wrong(template: str, question: Question) -> None:
    assert grade_answer(question, template) == 0.0


@pytest.mark.parametrize("template", HEDGES)
@settings(max_examples=20)
@given(question=questions)
def test_who_leaves_the_reference_open_is_wrong(template: str, question: Question) -> None:
    assert grade_answer(question, template) == 0.0


@pytest.mark.parametrize("template", SUMS)
@settings(max_examples=20)
@given(question=numbers)
def test_who_reckons_on_with_the_reference_is_wrong(template: str, question: Question) -> None:
    assert grade_answer(question, template) == 0.0


@pytest.mark.parametrize("template", STATEMENTS)
@settings(max_examples=20)
@given(question=questions)
def test_who_states_the_reference_is_right(template: str, question: Question) -> None:
    assert grade_answer(question, template) == 1.0
