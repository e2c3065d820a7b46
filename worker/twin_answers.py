"""The answers of twins: those of the tasks that they repeat, graded by their own graders, and free."""

from collections.abc import Sequence

import msgspec

from db.outcome_rows import NewOutcome
from worker.answer_grading import AnswerGrading
from worker.attempt import Assigned, AssignedTwin


def answer_twins(
    batch: Sequence[Assigned], outcomes: Sequence[NewOutcome], *, grading: AnswerGrading
) -> list[NewOutcome]:
    """An outcome for every twin of a task that has one now."""
    leaders = {assigned.seq: assigned for assigned in batch if assigned.twins}
    return [
        _answer(twin, outcome, _grade(twin, outcome, leaders[outcome.seq], grading))
        for outcome in outcomes
        if outcome.seq in leaders
        for twin in leaders[outcome.seq].twins
    ]


def _grade(twin: AssignedTwin, outcome: NewOutcome, task: Assigned, grading: AnswerGrading) -> float | None:
    if twin.grader == task.line.grader or outcome.error_code is not None:
        return outcome.correct  # the same answer by the same rule: a program is not run once more
    return grading.grade(twin.grader, outcome.answer)


def _answer(twin: AssignedTwin, outcome: NewOutcome, correct: float | None) -> NewOutcome:
    return msgspec.structs.replace(
        outcome,
        seq=twin.seq,
        prompt_tokens=0,
        output_tokens=0,
        cost=0,
        correct=correct,
        latency_seconds=None,
    )
