"""What a batch's answers mean for second chances: which are kept, and which of two is final."""

from collections.abc import Sequence
from typing import NamedTuple

from db.settlements import NewAttempt, NewKept, NewOutcome, SecondChances
from router.second_chance import Failure, GivenAnswer, Verdict, is_better, judge_answer
from worker.answer_grading import AnswerGrading
from worker.attempt import Assigned
from worker.twin_answers import answer_twins

SECOND_ANSWER_INVALID = "second_answer_invalid"


class SortedAnswers(NamedTuple):
    """The answers that are final, and what becomes of the others."""

    final: Sequence[NewOutcome]
    twins: Sequence[NewOutcome]  # of their tasks
    chances: SecondChances


def sort_answers(batch: Sequence[Assigned], outcomes: Sequence[NewOutcome], *, grading: AnswerGrading) -> SortedAnswers:
    """The outcomes of a batch of a job with second chances."""
    task_of = {assigned.seq: assigned for assigned in batch}
    final: list[NewOutcome] = []
    kept: list[NewKept] = []
    beaten: list[NewAttempt] = []
    for outcome in outcomes:
        first, verdict = task_of[outcome.seq].kept, judge_outcome(outcome, task_of[outcome.seq])
        if first is None and verdict.failure is not None:
            kept.append(NewKept(outcome, verdict.failure, verdict.score))
        elif first is None or is_better(verdict, first):
            final.append(outcome)
        else:
            beaten.append(_fall_behind(outcome, verdict))
    twins = [
        answer._replace(outcome=twin)
        for answer in kept
        for twin in answer_twins(batch, [answer.outcome], grading=grading)
    ]
    chances = SecondChances(kept=kept, twins=twins, beaten=beaten)
    return SortedAnswers(final, answer_twins(batch, final, grading=grading), chances)


def judge_outcome(outcome: NewOutcome, assigned: Assigned) -> Verdict:
    """What can be said of it without a reference. An error that is no refusal says nothing about the answer."""
    if outcome.error_code not in (None, "prompt_refused") and assigned.kept is None:
        return Verdict(None, 1.0)
    given = GivenAnswer(outcome.answer, outcome.texts, outcome.correct)
    line, method = assigned.line, assigned.priced.strategy.decoding
    return judge_answer(given, task=line.prompt, grader=line.grader, method=method)


def _fall_behind(outcome: NewOutcome, verdict: Verdict) -> NewAttempt:
    why = outcome.error_message or f"{verdict.failure or Failure.NO_ANSWER}: the first answer is no worse, and stands"
    return NewAttempt(
        seq=outcome.seq,
        error_code=SECOND_ANSWER_INVALID,
        error_message=why,
        prompt_tokens=outcome.prompt_tokens,
        output_tokens=outcome.output_tokens,
        cost=outcome.cost,
    )
