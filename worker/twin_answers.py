"""The answers of twins: those of the tasks that they repeat, graded by their own graders, and free."""

from collections.abc import Sequence

from db.outcome_rows import NewOutcome
from router.grading import grade
from worker.attempt import Assigned, AssignedTwin


def answer_twins(batch: Sequence[Assigned], outcomes: Sequence[NewOutcome]) -> list[NewOutcome]:
    """An outcome for every twin of a task that has one now."""
    twins_of = {assigned.seq: assigned.twins for assigned in batch}
    return [_answer(twin, outcome) for outcome in outcomes for twin in twins_of[outcome.seq]]


def _answer(twin: AssignedTwin, outcome: NewOutcome) -> NewOutcome:
    grader = twin.grader if outcome.error_code is None else None
    return outcome._replace(
        seq=twin.seq,
        prompt_tokens=0,
        output_tokens=0,
        cost=0,
        correct=None if grader is None else grade(grader, outcome.answer),
        latency_seconds=None,
    )
