"""Decisions: why each request of a batch or job went where it did."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from db.jobs import Job
from db.labels import StoredLabel
from db.session import session_scope
from db.states import JobKind, LabelSource
from db.tasks import find_task
from gateway.api.callers import Caller
from gateway.api.errors import InvalidRequest, NoSuchObject
from gateway.api.front_door import Door, FrontDoor
from gateway.api.job_reference import find_job
from gateway.api.lists import Listed, ListPage
from gateway.api.storable import Storable
from gateway.decisions import TaskDecision, read_decisions

routes = APIRouter(prefix="/v1", tags=["decisions"])

After = Annotated[Storable | None, Query(max_length=512, description="The custom_id that the page begins behind.")]
Limit = Annotated[int, Query(ge=1, le=1_000)]


class Forecast(BaseModel):
    """What a strategy was predicted to do with the request; cost in whole quanta of the job's unit."""

    strategy: str
    accuracy: float
    cost: float
    worst_cost: float


class Drawn(BaseModel):
    """The draw by which a request got its strategy; nothing that happens to it later changes this."""

    best: str = Field(description="What was best for it.")
    intended: str = Field(description="What was drawn: another one where the request was to teach something.")
    chances: dict[str, float] = Field(description="Of every strategy that could be drawn; they sum to 1.")


class SecondChanceObject(BaseModel):
    """What became of a request whose first answer was invalid by itself."""

    failure: str = Field(description="`no_answer`, `check_failed` or `disagreement`.")
    first: str = Field(description="The strategy that gave the invalid answer.")
    first_cost: int
    second: str | None = Field(description="The one that was asked once more; None where none was worth it.")
    second_cost: int
    final: str | None = Field(description="Whose answer it has: `first` or `second`.")


class LabelObject(BaseModel):
    """What one source said of an answer after it was given."""

    source: LabelSource
    correct: float
    created_at: datetime
    given_by: str | None = Field(description="An API key, an account or a judging job; None: it was not kept.")
    counts: bool = Field(description="A person's before a judge's before a grader's; of one source the last.")


class DecisionObject(Listed):
    """Where a request went, and why."""

    object: Literal["decision"] = "decision"
    custom_id: str
    unit: str
    strategy: str | None = Field(description="The one that was asked; None while it waits, or where none was.")
    forecasts: list[Forecast] = Field(description="Of every strategy that can serve it, the cheapest first.")
    price: float | None = Field(description="The shadow price when it was routed: right answers a quantum.")
    propensity: float | None = Field(
        description="With what probability this strategy was chosen; None where no draw says so: it came back."
    )
    drawn: Drawn | None = Field(description="None where there was nothing to draw from.")
    second_chance: SecondChanceObject | None = Field(description="None where the first answer is valid.")
    why: str
    status: str = Field(description="`answered`, `waiting`, or why there is no answer.")
    cost: int | None
    correct: float | None = Field(description="By the label that counts; where there is none, by its grader.")
    labels: list[LabelObject] = Field(description="All that was said of the answer, in the order of saying.")
    answered_like: str | None = Field(description="The identical request whose answer this one has.")


@routes.get("/batches/{batch_id}/decisions")
def list_decisions_of_batch(
    door: Door, caller: Caller, batch_id: Annotated[Storable, Path()], limit: Limit = 100, after: After = None
) -> ListPage[DecisionObject]:
    """The batch's requests in its file's order."""
    return _make_page(door, find_job(door, caller, batch_id=batch_id), limit=limit, after=after)


@routes.get("/jobs/{job_id}/decisions")
def list_decisions_of_job(
    door: Door,
    caller: Caller,
    job_id: Annotated[int, Path(ge=1, le=2**63 - 1)],
    limit: Limit = 100,
    after: After = None,
) -> ListPage[DecisionObject]:
    """The job's tasks in its file's order."""
    return _make_page(door, find_job(door, caller, job_id=job_id), limit=limit, after=after)


def _make_page(door: FrontDoor, job: Job, *, limit: int, after: str | None) -> ListPage[DecisionObject]:
    if job.kind is not JobKind.RUN:
        raise InvalidRequest(f"job {job.id} is a {job.kind}: every strategy was asked, so nothing was decided")
    with session_scope(door.database) as session:
        last = -1 if after is None else find_task(session, job_id=job.id, custom_id=after)
        if last is None:
            raise NoSuchObject(f"there is nothing called {after} to go on from", param="after")
        begin, end = last + 1, min(last + 1 + limit, job.task_count)
        shown = [_show(own) for own in read_decisions(session, job=job, lo=begin, hi=end)]
    return ListPage(
        data=shown,
        first_id=shown[0].id if shown else None,
        last_id=shown[-1].id if shown else None,
        has_more=end < job.task_count,
    )


def _show(own: TaskDecision) -> DecisionObject:
    return DecisionObject(
        id=own.custom_id,
        custom_id=own.custom_id,
        unit=own.unit.value,
        strategy=own.strategy,
        forecasts=[Forecast(**forecast._asdict()) for forecast in own.forecasts],
        price=own.price,
        propensity=own.propensity,
        drawn=None if own.drawn is None else Drawn(**own.drawn._asdict()),
        second_chance=None if own.second_chance is None else SecondChanceObject(**own.second_chance._asdict()),
        why=own.why,
        status=own.status,
        cost=own.cost,
        correct=own.correct,
        labels=[_show_label(label) for label in own.labels],
        answered_like=own.leader,
    )


def _show_label(own: StoredLabel) -> LabelObject:
    return LabelObject(
        source=own.source,
        correct=own.correct,
        created_at=own.created_at,
        given_by=own.given_by,
        counts=own.counts,
    )
