"""What became of a batch: answers for good, answers for twins, and tasks that have to be tried again."""

from collections.abc import Sequence
from typing import NamedTuple

from db.settlements import NO_SECOND_CHANCES, NewOutcome, NewRetry, SecondChances
from worker.answer_grading import AnswerGrading
from worker.attempt import Assigned, fail
from worker.engines.errors import EngineDied, EngineError
from worker.second_answers import sort_answers
from worker.twin_answers import answer_twins

RETRY_DELAY_SECONDS = 2.0  # before a task whose engine was away is routed again


class BatchResults(NamedTuple):
    """Ready to be settled."""

    outcomes: Sequence[NewOutcome]
    retries: Sequence[NewRetry]
    twins: Sequence[NewOutcome]  # of tasks that are identical to answered ones of the batch
    chances: SecondChances


def sort_results(
    batch: Sequence[Assigned],
    results: Sequence[NewOutcome | BaseException],
    *,
    grading: AnswerGrading,
    second_chances: bool = False,
) -> BatchResults:
    """The results of the batch's tasks, in its order, by what is to be done with them."""
    outcomes, retries = [], []
    for assigned, result in zip(batch, results, strict=True):
        if isinstance(result, NewOutcome):
            outcomes.append(result)
        elif isinstance(result, EngineError):
            retries.append(_retry(assigned, result))
        else:  # a mistake of ours: that task says so, the others are settled
            message = f"{type(result).__name__}: {result}"
            outcomes.append(fail(assigned, code="internal_error", message=message, cost=assigned.amount))
    if not second_chances:
        return BatchResults(outcomes, retries, answer_twins(batch, outcomes, grading=grading), NO_SECOND_CHANCES)
    answers = sort_answers(batch, outcomes, grading=grading)
    return BatchResults(answers.final, retries, answers.twins, answers.chances)


def list_new(batch: Sequence[Assigned], ended: BatchResults) -> list[NewOutcome]:
    """The answers to tasks that had none before, which is what those who watch count."""
    if ended.chances is NO_SECOND_CHANCES:
        return [*ended.outcomes, *ended.twins]
    asked_again = [assigned for assigned in batch if assigned.kept is not None]
    before = {twin.seq for assigned in asked_again for twin in assigned.twins} | {own.seq for own in asked_again}
    kept = [answer.outcome for answer in (*ended.chances.kept, *ended.chances.twins)]
    return [outcome for outcome in (*ended.outcomes, *ended.twins, *kept) if outcome.seq not in before]


def _retry(assigned: Assigned, error: EngineError) -> NewRetry:
    """The task goes back to routing; what the engine may have done before it failed is charged at its worst."""
    return NewRetry(
        seq=assigned.seq,
        error_code="engine_died" if isinstance(error, EngineDied) else "engine_unavailable",
        error_message=str(error),
        prompt_tokens=0,
        output_tokens=0,
        cost=assigned.amount if error.charged else 0,
        delay_seconds=0.0 if isinstance(error, EngineDied) else RETRY_DELAY_SECONDS,
    )
