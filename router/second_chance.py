"""Second chances: which answers are invalid by themselves, and which of two answers is final.

Nothing here looks at a reference: a grader that has one says nothing about what is asked again.
"""

import json
from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from router.decoding.early_vote import EarlyVote
from router.decoding.protocol import DecodingMethod
from router.decoding.self_consistency import SelfConsistency
from router.decoding.task_prompt import TaskPrompt
from router.errors import FieldError
from router.fields import Fields
from router.grading import Grader
from router.grading.code_tests import CodeTests
from router.grading.json_schema import JsonSchema, read_json_schema
from router.grading.properties import Properties

LEAST_AGREEMENT = 0.5  # of a vote's samples with its answer, blank ones counted as others

# What tells right from wrong by what the answer is, and not by what it should be.
CHECKS = (JsonSchema, Properties, CodeTests)


class Failure(StrEnum):
    """Why an answer is invalid, the worst first."""

    NO_ANSWER = "no_answer"  # none could be read from what was written, or the prompt was refused
    CHECK_FAILED = "check_failed"  # the task's own schema, properties or tests are not met
    DISAGREEMENT = "disagreement"  # less than half of a vote's samples agree with it


class Verdict(NamedTuple):
    """What can be said of an answer without a reference."""

    failure: Failure | None  # None: valid
    score: float  # 0..1: the part of the check that is met, or of the samples that agree; 1 of a valid one


VALID = Verdict(None, 1.0)
_RANK = {failure: rank for rank, failure in enumerate((*Failure, None))}


class GivenAnswer(NamedTuple):
    """An answer as it came."""

    answer: str  # "" where none could be read
    texts: Sequence[str]  # the samples that it was read from
    correct: float | None  # its grade, where there is one


def judge_answer(given: GivenAnswer, *, task: TaskPrompt, grader: Grader | None, method: DecodingMethod) -> Verdict:
    """Whether the answer is invalid by itself, by the first of the reasons that holds."""
    if not given.answer.strip():
        return Verdict(Failure.NO_ANSWER, 0.0)
    if task.json_schema is not None and not _fits(given.answer, task.json_schema):
        return Verdict(Failure.CHECK_FAILED, 0.0)
    if grader is not None and isinstance(grader.rule, CHECKS) and given.correct is not None and given.correct < 1:
        return Verdict(Failure.CHECK_FAILED, given.correct)
    agreement = _measure_agreement(given.texts, task=task, method=method)
    return VALID if agreement >= LEAST_AGREEMENT else Verdict(Failure.DISAGREEMENT, agreement)


def is_better(second: Verdict, first: Verdict) -> bool:
    """Whether a second answer is final in place of the first, which is invalid.

    A valid one is. Of two invalid ones the less bad failure is, then the higher score; of equals the first stays.
    """
    return (_RANK[second.failure], second.score) > (_RANK[first.failure], first.score)


def _measure_agreement(texts: Sequence[str], *, task: TaskPrompt, method: DecodingMethod) -> float:
    """The part of the samples that voted for the winner; 1 of a method that does not vote."""
    vote = method.vote if isinstance(method, EarlyVote) else method
    if not isinstance(vote, SelfConsistency) or len(texts) < 2:
        return 1.0
    ballots = Counter(vote.list_ballots(task, texts))
    return max(ballots.values(), default=0) / len(texts)


def _fits(answer: str, schema: str) -> bool:
    """Whether the answer fits the caller's schema; one that we can not check is believed to be met."""
    rule = _read_rule(schema)
    return rule is None or rule.grade(answer) == 1.0


@lru_cache(maxsize=256)
def _read_rule(schema: str) -> JsonSchema | None:
    try:
        return read_json_schema(
            Fields({"kind": "json_schema", "reference": json.loads(schema)}, path="response_format")
        )
    except FieldError:
        return None
