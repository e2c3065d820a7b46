"""Feedback: labels are brought to the answers that they are about, and stored, all of them or none."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Engine as Database
from sqlalchemy.orm import Session

from db.errors import NoSuchRow
from db.jobs import Job, lock_job
from db.labels import Answer, NewLabel, find_answers, list_known_tasks, store_labels
from db.session import run_in_transaction
from db.states import FINAL_STATES
from gateway.errors import GatewayError
from gateway.label_lines import GivenLabel, LabelProblem


class LabelsRefused(GatewayError):
    """Labels that are about no answer of the job; nothing of them is stored."""

    def __init__(self, problems: list[LabelProblem]) -> None:
        first = problems[0]
        super().__init__(f"line {first.line}: {first.field}: {first.text}")
        self.problems = problems


class FeedbackStored(NamedTuple):
    """What became of labels."""

    labels: int  # that were given, each answer and source once
    new: int  # of those; the others say what their source has said before


def store_feedback(
    database: Database, *, tenant_id: str, job_id: int, labels: Sequence[GivenLabel], given_by: str
) -> FeedbackStored:
    """How many were stored; NoSuchRow for a job of nobody or of another tenant, LabelsRefused."""

    def store(session: Session) -> FeedbackStored:
        job = lock_job(session, job_id=job_id)
        if job.tenant_id != tenant_id:
            raise NoSuchRow(table="job", row_id=job_id)
        names = {label.custom_id for label in labels}
        answers: dict[str, list[Answer]] = {}
        for answer in find_answers(session, job_id=job_id, custom_ids=names):
            answers.setdefault(answer.custom_id, []).append(answer)
        known = list_known_tasks(session, job_id=job_id, custom_ids=names - answers.keys())
        found, problems = _match(labels, answers=answers, known=known, job=job)
        if problems:
            raise LabelsRefused(problems)
        new = store_labels(session, tenant_id=tenant_id, job_id=job_id, labels=found, given_by=given_by)
        return FeedbackStored(len(found), new)

    return run_in_transaction(database, store)


class _Matched(NamedTuple):
    found: list[NewLabel]
    problems: list[LabelProblem]


def _match(labels: Sequence[GivenLabel], *, answers: dict[str, list[Answer]], known: set[str], job: Job) -> _Matched:
    found: dict[tuple[int, int, str], NewLabel] = {}
    problems: list[LabelProblem] = []
    for label in labels:
        fitting = [answer for answer in answers.get(label.custom_id, []) if label.strategy in (None, answer.strategy)]
        if len(fitting) != 1:
            problems.append(_explain(label, answers.get(label.custom_id, []), known=known, job=job))
            continue
        own = NewLabel(seq=fitting[0].seq, arm=fitting[0].arm, source=label.source, correct=label.correct)
        first = found.setdefault((own.seq, own.arm, own.source), own)
        if first.correct != own.correct:  # once with its strategy's name, and once without
            problems.append(LabelProblem(label.line, "correct", "contradicts another line about the same answer"))
    return _Matched(list(found.values()), problems)


def _explain(label: GivenLabel, answers: Sequence[Answer], *, known: set[str], job: Job) -> LabelProblem:
    given = ", ".join(answer.strategy for answer in answers)
    if not answers:
        unanswered = "ended without an answer" if job.state in FINAL_STATES else "has no answer yet"
        reason = unanswered if label.custom_id in known else f"is no task of job {job.id}"
        return LabelProblem(label.line, "custom_id", f'"{label.custom_id}" {reason}')
    if label.strategy is None:
        return LabelProblem(label.line, "strategy", f"is missing; the task was answered by {given}")
    return LabelProblem(label.line, "strategy", f'"{label.strategy}" did not answer this task; {given} did')
