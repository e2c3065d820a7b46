"""The list of jobs, the latest first."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from db.batch_names import read_batch_names
from db.batches import Batch, list_batches
from db.job_list import list_jobs
from db.pages import PageAsked
from db.session import session_scope
from db.states import FINAL_STATES, BatchStatus, JobState
from gateway.api.front_door import Door, FrontDoor
from gateway.dashboard.job_lines import JobLine, describe_jobs
from gateway.dashboard.pages import render_page, render_parts
from gateway.dashboard.visitor import Looking, Visitor

routes = APIRouter()

PAGE_JOBS = 25
LOOKED_AT_BATCHES = 10
UNREAD = (BatchStatus.VALIDATING, BatchStatus.FAILED)
PARTS = ("jobs_summary", "jobs_table")

Before = Annotated[int | None, Query(ge=1)]


@routes.get("/jobs")
def show_jobs(request: Request, door: Door, visitor: Looking, before: Before = None) -> Response:
    """The page."""
    return render_page(request, "jobs.html.j2", _gather(request, door, visitor, before=before))


@routes.get("/jobs/live")
def renew_jobs(request: Request, door: Door, visitor: Looking, before: Before = None) -> Response:
    """What changes on it; a new job may come at any time."""
    return render_parts(request, PARTS, _gather(request, door, visitor, before=before), goes_on=True)


def _gather(request: Request, door: FrontDoor, visitor: Visitor, *, before: int | None) -> Mapping[str, Any]:
    state = request.app.state
    with session_scope(door.database) as session:
        jobs = list_jobs(session, tenant_id=visitor.tenant_id, limit=PAGE_JOBS + 1, before=before)
        lines = describe_jobs(session, jobs[:PAGE_JOBS], known=state.final_jobs, traces=state.traces)
        unread = _list_unread(session, visitor)
    return {
        "lines": lines,
        "unread": [] if before else unread,
        "older": jobs[PAGE_JOBS - 1].id if len(jobs) > PAGE_JOBS else None,
        "before": before,
        "states": _count_states(lines),
    }


def _list_unread(session: Session, visitor: Visitor) -> Sequence[tuple[Batch, str]]:
    """Of the latest batches those that are not a job yet, or never will be, with the names of their files."""
    latest = list_batches(session, tenant_id=visitor.tenant_id, page=PageAsked(limit=LOOKED_AT_BATCHES)) or ()
    unread = [batch for batch in latest if batch.job_id is None and batch.status in UNREAD]
    names = read_batch_names(session, tenant_id=visitor.tenant_id, batch_ids=[batch.id for batch in unread])
    return [(batch, names.get(batch.id, batch.id)) for batch in unread]


def _count_states(lines: list[JobLine]) -> Mapping[str, int]:
    """How many of the listed jobs are in which state, in the order of a job's life."""
    jobs = [line.job for line in lines]
    counted = Counter("paused" if job.paused and job.state not in FINAL_STATES else job.state for job in jobs)
    return {state: counted[state] for state in ("paused", *JobState) if counted[state]}
