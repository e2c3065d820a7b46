"""The tasks of a job, page by page, and the way to one of them by its name."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from db.results import read_results
from db.session import session_scope
from db.strategies import read_strategies
from db.task_places import find_task
from gateway.api.errors import NoSuchObject
from gateway.api.front_door import Door
from gateway.dashboard.charts.chart import strategy_colour
from gateway.dashboard.job_name import name_job
from gateway.dashboard.own_rows import read_own_job
from gateway.dashboard.pages import render_page
from gateway.dashboard.visitor import Looking
from worker.objective import Objective
from worker.task_line import parse_task_line

routes = APIRouter(prefix="/jobs/{job_id}/tasks")

PAGE_TASKS = 50


@routes.get("")
def show_tasks(
    request: Request, door: Door, visitor: Looking, job_id: int, first: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0
) -> Response:
    """Tasks from one of them on, with what became of each."""
    with session_scope(door.database) as session:
        job = read_own_job(session, visitor, job_id=job_id)
        results = read_results(session, job_id=job_id, seqs=range(first, min(first + PAGE_TASKS, job.task_count)))
        strategies = read_strategies(session, strategy_ids=job.strategy_ids)
        name = name_job(session, job)
    values = {
        "job": job,
        "name": name,
        "results": results,
        "prompt_of": {result.seq: parse_task_line(result.payload).embedded_text for result in results},
        "strategy_of": {strategy.id: strategy.name for strategy in strategies},
        "colour_of": {strategy.id: strategy_colour(column) for column, strategy in enumerate(strategies)},
        "unit": Objective.from_json(job.objective).unit,
        "first": first,
        "earlier": max(0, first - PAGE_TASKS) if first else None,
        "later": first + PAGE_TASKS if first + PAGE_TASKS < job.task_count else None,
    }
    return render_page(request, "tasks.html.j2", values)


@routes.get("/named")
def find_named(request: Request, door: Door, visitor: Looking, job_id: int, custom_id: str) -> Response:
    """To the page of the task of this name, or of this number."""
    with session_scope(door.database) as session:
        job = read_own_job(session, visitor, job_id=job_id)
        seq = find_task(session, job_id=job_id, custom_id=custom_id.replace("\x00", ""))
    if seq is None and custom_id.isascii() and custom_id.isdecimal() and int(custom_id) < job.task_count:
        seq = int(custom_id)
    if seq is None:
        raise NoSuchObject(f"Job {job_id} has no task {custom_id!r}.")
    return RedirectResponse(f"{request.scope.get('root_path', '')}/jobs/{job_id}/tasks/{seq}", status_code=303)
