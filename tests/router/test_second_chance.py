"""Answers that are invalid by themselves, and which of two is final."""

import json
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.decoding import DecodingMethod, TaskPrompt
from router.grading import Grader, parse_grader
from router.second_chance import LEAST_AGREEMENT, VALID, Failure, GivenAnswer, Verdict, is_better, judge_answer
from tests.router.decoding_specs import ask, read

SCHEMA = {"type": "object", "required": ["city"], "properties": {"city": {"type": "string"}}}
VERDICTS = st.builds(Verdict, st.sampled_from([*Failure]), st.sampled_from([0.0, 0.3, 0.5, 0.9])) | st.just(VALID)


DIRECT: dict[str, object] = {"method": "direct", "max_tokens": 8}
WHERE = ask("Where?")


def judge(
    answer: str,
    *,
    texts: tuple[str, ...] = (),
    correct: float | None = None,
    grader: Grader | None = None,
    task: TaskPrompt = WHERE,
    method: DecodingMethod | None = None,
) -> Verdict:
    came = GivenAnswer(answer, texts or (answer,), correct)
    return judge_answer(came, task=task, grader=grader, method=method or read(DIRECT))


def vote(n: int = 4, *, early: bool = False) -> DecodingMethod:
    return read({"method": "self_consistency", "n": n, "base": DIRECT, "stop_early": early})


@pytest.mark.parametrize("blank", ["", "  ", "\n"])
def test_no_answer_is_invalid(blank: str) -> None:
    assert judge(blank) == Verdict(Failure.NO_ANSWER, 0.0)


@pytest.mark.parametrize("correct", [0.0, 1.0, None])
def test_a_grader_with_a_reference_is_not_listened_to(correct: float | None) -> None:
    grader = parse_grader({"kind": "exact", "reference": "Paris"})
    assert judge("Rome", correct=correct, grader=grader) == VALID


@pytest.mark.parametrize(
    "grader",
    [
        {"kind": "json_schema", "reference": SCHEMA},
        {"kind": "properties", "reference": {"max_words": 1}},
        {"kind": "code", "reference": ["assert f() == 1"], "partial": True},
    ],
)
def test_a_check_of_the_task_is_listened_to(grader: dict[str, object]) -> None:
    own = parse_grader(grader)
    assert judge("x", correct=0.25, grader=own) == Verdict(Failure.CHECK_FAILED, 0.25)
    assert judge("x", correct=1.0, grader=own) == VALID
    assert judge("x", correct=None, grader=own) == VALID  # nothing could run it: nothing is known


def schema_task(schema: object) -> TaskPrompt:
    return ask("Where?", response_format={"type": "json_schema", "json_schema": {"name": "place", "schema": schema}})


def test_the_caller_s_own_schema_is_a_check() -> None:
    task = schema_task(SCHEMA)
    assert judge(json.dumps({"city": "Rome"}), task=task) == VALID
    assert judge('{"city": 1}', task=task) == Verdict(Failure.CHECK_FAILED, 0.0)
    assert judge('{"city": "Ro', task=task) == Verdict(Failure.CHECK_FAILED, 0.0)


def test_a_schema_that_can_not_be_checked_is_believed() -> None:
    assert judge("{}", task=schema_task({"type": "object", "$anchor": "here"})) == VALID


@pytest.mark.parametrize("early", [False, True])
def test_a_vote_without_half_of_its_samples_is_invalid(early: bool) -> None:
    method = vote(early=early)
    assert judge("a", texts=("a", "a", "b", "c"), method=method) == VALID
    assert judge("a", texts=("a", "b", "c", "d"), method=method) == Verdict(Failure.DISAGREEMENT, 0.25)
    assert judge("a", texts=("a", "", "", ""), method=method) == Verdict(Failure.DISAGREEMENT, 0.25)


@given(samples=st.lists(st.sampled_from("abc"), min_size=2, max_size=9))
def test_agreement_is_the_winner_s_share(samples: list[str]) -> None:
    winner = max(samples, key=samples.count)
    verdict = judge(winner, texts=tuple(samples), method=vote(len(samples)))
    share = max(samples.count(sample) for sample in samples) / len(samples)
    assert verdict == (VALID if share >= LEAST_AGREEMENT else Verdict(Failure.DISAGREEMENT, share))


def test_the_less_bad_failure_is_final() -> None:
    worst_first = [Verdict(failure, 0.3) for failure in Failure] + [VALID]
    for (place, first), (other, second) in product(enumerate(worst_first), repeat=2):
        assert is_better(second, first) == (other > place)


@given(first=VERDICTS, second=VERDICTS)
def test_one_of_two_is_final_and_of_equals_the_first(first: Verdict, second: Verdict) -> None:
    assert not (is_better(first, second) and is_better(second, first))
    if first == second:
        assert not is_better(second, first)
    if second == VALID and first != VALID:
        assert is_better(second, first)
