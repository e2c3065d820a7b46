"""The page of a job: what was planned, what came of it, and where its money went."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from db.results import TaskResult, read_results
from db.session import session_scope
from db.task_places import find_failed_tasks
from gateway.api.front_door import Door, FrontDoor
from gateway.dashboard.charts.calibration_chart import draw_calibration
from gateway.dashboard.charts.chart import Chart
from gateway.dashboard.charts.frontier_chart import draw_frontier
from gateway.dashboard.charts.mix_chart import draw_mix
from gateway.dashboard.charts.spend_chart import draw_spend
from gateway.dashboard.job_view import JobView, gather_job
from gateway.dashboard.own_rows import read_own_job
from gateway.dashboard.pages import render_page, render_parts
from gateway.dashboard.strategy_rows import describe_strategies
from gateway.dashboard.visitor import Looking, Visitor

routes = APIRouter()

LISTED_TASKS = 8
PARTS = ("job_state", "job_tiles", "job_charts", "job_strategies", "job_tasks")


@dataclass(frozen=True, kw_only=True)
class ListedTask:
    """A task of a short list."""

    result: TaskResult
    strategy: str | None
    seconds: float | None


@routes.get("/jobs/{job_id}")
def show_job(request: Request, door: Door, visitor: Looking, job_id: int) -> Response:
    """The page."""
    return render_page(request, "job.html.j2", _gather(request, door, visitor, job_id=job_id))


@routes.get("/jobs/{job_id}/live")
def renew_job(request: Request, door: Door, visitor: Looking, job_id: int) -> Response:
    """What changes on it, until the job has ended."""
    values = _gather(request, door, visitor, job_id=job_id)
    return render_parts(request, PARTS, values, goes_on=not values["view"].is_final)


def _gather(request: Request, door: FrontDoor, visitor: Visitor, *, job_id: int) -> Mapping[str, Any]:
    with session_scope(door.database) as session:
        job = read_own_job(session, visitor, job_id=job_id)
        view = gather_job(session, job=job, traces=request.app.state.traces)
        return {
            "view": view,
            "charts": _draw(view),
            "rows": describe_strategies(view),
            "slowest": _list_tasks(session, view, seqs=_find_slowest(view)),
            "failed": _list_tasks(session, view, seqs=find_failed_tasks(session, job_id=job_id, limit=LISTED_TASKS)),
            "sampled": view.sample is not None and len(view.sample.seq) < view.job.task_count,
        }


def _draw(view: JobView) -> Mapping[str, Chart]:
    """The charts there is something to show in, by name."""
    drawn = (draw_frontier(view), draw_spend(view), draw_mix(view), _draw_calibration(view))
    return {chart.name: chart for chart in drawn if chart is not None}


def _draw_calibration(view: JobView) -> Chart | None:
    sample = view.sample
    if sample is None:
        return None
    ended = np.flatnonzero(sample.choice >= 0)
    predicted = sample.accuracy[ended, sample.choice[ended]]
    return draw_calibration(predicted, sample.grade[ended], name="accuracy", title="Predicted and observed accuracy")


def _find_slowest(view: JobView) -> Sequence[int]:
    sample = view.sample
    if sample is None:
        return ()
    timed = np.flatnonzero(np.isfinite(sample.seconds))
    slowest = timed[np.argsort(-sample.seconds[timed], kind="stable")[:LISTED_TASKS]]
    return [int(seq) for seq in sample.seq[slowest]]


def _list_tasks(session: Session, view: JobView, *, seqs: Sequence[int]) -> list[ListedTask]:
    """In the order of `seqs`; in a job of several arms the arm that failed, or came first."""
    names = {strategy.id: strategy.name for strategy in view.strategies}
    found: dict[int, TaskResult] = {}
    for result in read_results(session, job_id=view.job.id, seqs=seqs):
        if result.seq not in found or (result.outcome is not None and result.outcome.error_code is not None):
            found[result.seq] = result
    return [
        ListedTask(
            result=found[seq],
            strategy=names[outcome.strategy_id] if (outcome := found[seq].outcome) is not None else None,
            seconds=None if outcome is None else outcome.latency_seconds,
        )
        for seq in seqs
    ]
