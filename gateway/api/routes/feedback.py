"""Feedback: whether answers were right, as people and judges say it."""

from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from db.errors import NoSuchRow
from db.states import LabelSource
from gateway.api.callers import Caller
from gateway.api.errors import InvalidRequest, NoSuchObject
from gateway.api.front_door import Door
from gateway.api.job_reference import find_job
from gateway.feedback import LabelsRefused, store_feedback
from gateway.label_lines import LabelProblem, check_labels

routes = APIRouter(prefix="/v1/feedback", tags=["feedback"])

MOST_LABELS = 50_000


class Feedback(BaseModel):
    """Labels for answers of one batch, or of one job."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    batch_id: str | None = None
    job_id: int | None = Field(default=None, ge=1, le=2**63 - 1)
    labels: list[dict[str, Any]] = Field(
        min_length=1,
        max_length=MOST_LABELS,
        description="`custom_id`, `correct` from 0 to 1, and where they are needed `source` and `strategy`.",
    )


class FeedbackTaken(BaseModel):
    """How many labels there were, and how many of them say something new."""

    object: Literal["feedback"] = "feedback"
    job_id: int
    labels: int
    new: int


@routes.post("")
def give_feedback(door: Door, caller: Caller, given: Feedback) -> FeedbackTaken:
    """Store labels, all of them or none; the same again changes nothing.

    A later label replaces an earlier one of its source; a person's counts before a judge's, that before a grader's.
    """
    job = find_job(door, caller, batch_id=given.batch_id, job_id=given.job_id)
    checked = check_labels(enumerate(given.labels, start=1), source=LabelSource.PERSON)
    if checked.problems:
        raise _refuse(checked.problems)
    try:
        stored = store_feedback(
            door.database,
            tenant_id=caller.tenant_id,
            job_id=job.id,
            labels=checked.labels,
            given_by=caller.name,
        )
    except LabelsRefused as refused:
        raise _refuse(refused.problems) from None
    except NoSuchRow:
        raise NoSuchObject(f"there is no job {job.id}", param="job_id") from None
    return FeedbackTaken(job_id=job.id, **stored._asdict())


def _refuse(problems: list[LabelProblem]) -> InvalidRequest:
    first = problems[0]
    more = f" (and {len(problems) - 1} more problems)" if len(problems) > 1 else ""
    field = f"labels.{first.line - 1}.{first.field}"
    return InvalidRequest(f"label {first.line}: {first.field}: {first.text}{more}; nothing was stored", param=field)
