"""Grader + answer -> how right the answer is."""

from typing import Protocol

import msgspec

from router.grading.code_tests import CodeTests
from router.grading.judge import Judge

LONGEST_ANSWER = 50_000  # characters; no right answer is longer, and reading one must not take long


class GradingRule(Protocol):
    """One kind of grading with its settings; a pure function of the answer."""

    def grade(self, answer: str) -> float:
        """How right an answer is, 0.0 to 1.0. The answer is not blank and at most LONGEST_ANSWER characters long."""


# What tells right from wrong only with something outside: a process that runs the answer, or another model.
OutsideRule = CodeTests | Judge


class Grader(msgspec.Struct, frozen=True):
    """How to tell whether a task's answer is right."""

    kind: str
    reference: object  # as the job file has it: what a right answer is compared with
    rule: GradingRule | OutsideRule

    @property
    def waits_for_judge(self) -> bool:
        """Whether an answer has no grade until a judge has read it."""
        return isinstance(self.rule, Judge)


def grade(grader: Grader, answer: str) -> float | None:
    """How right an answer is, 0.0 to 1.0; None where the answer alone does not tell.

    A blank answer is wrong, and so is one past any sensible length.
    """
    if not answer.strip() or len(answer) > LONGEST_ANSWER:
        return 0.0
    return None if isinstance(grader.rule, OutsideRule) else grader.rule.grade(answer)
