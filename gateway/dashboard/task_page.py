"""The page of a task: what every strategy was predicted to do for it, what was chosen and why, and what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Path, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from db.attempts import list_attempts
from db.errors import NoSuchRow
from db.explorations import iterate_draws
from db.jobs import Job
from db.predictions import read_predictions
from db.results import TaskResult, read_results
from db.session import session_scope
from db.states import JobKind
from db.strategies import StoredStrategy, read_strategies
from gateway.api.errors import NoSuchObject
from gateway.api.front_door import Door
from gateway.dashboard.charts.chart import strategy_colour
from gateway.dashboard.job_name import name_job
from gateway.dashboard.own_rows import read_own_job
from gateway.dashboard.pages import render_page
from gateway.dashboard.visitor import Looking
from gateway.drawn import explain_drawn, name_draw
from gateway.report.amounts import choose_scale
from gateway.report.values import Option
from router.units import Unit
from worker.objective import Objective
from worker.task_line import parse_task_line

routes = APIRouter(prefix="/jobs/{job_id}/tasks")


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What was decided for a task, and why."""

    options: Sequence[Option]  # cheapest first
    chosen: str | None
    reason: str | None


@routes.get("/{seq}")
def show_task(
    request: Request, door: Door, visitor: Looking, job_id: int, seq: Annotated[int, Path(ge=0, le=2**31 - 1)]
) -> Response:
    """The page."""
    with session_scope(door.database) as session:
        job = read_own_job(session, visitor, job_id=job_id)
        results = read_results(session, job_id=job_id, seqs=[seq])
        if not results:
            raise NoSuchObject(f"Job {job_id} has {job.task_count:,} tasks; there is none with the number {seq}.")
        strategies = read_strategies(session, strategy_ids=job.strategy_ids)
        name = name_job(session, job)
        unit = Objective.from_json(job.objective).unit
        decision = _read_decision(session, job=job, result=results[0], strategies=strategies, unit=unit)
        attempts = list_attempts(session, job_id=job_id, seq=seq)
    values = {
        "job": job,
        "name": name,
        "results": results,
        "line": parse_task_line(results[0].payload),
        "decision": decision,
        "attempts": attempts,
        "unit": unit,
        "scale": choose_scale(unit, max([option.cost_quanta for option in decision.options], default=0.0)),
        "strategy_of": {strategy.id: strategy.name for strategy in strategies},
        "colour_of": {strategy.name: strategy_colour(column) for column, strategy in enumerate(strategies)},
    }
    return render_page(request, "task.html.j2", values)


def _read_decision(
    session: Session, *, job: Job, result: TaskResult, strategies: Sequence[StoredStrategy], unit: Unit
) -> Decision:
    """From the predictions that were stored, at the price of the window that the task was routed in."""
    if job.kind is not JobKind.RUN:
        return Decision(options=(), chosen=None, reason=None)
    try:
        predicted = read_predictions(session, job_id=job.id, seqs=[result.seq])
    except NoSuchRow:
        return Decision(options=(), chosen=None, reason=None)
    offers = zip(strategies, predicted.accuracy[0].tolist(), predicted.cost[0].tolist(), strict=True)
    options = tuple(
        Option(strategy=strategy.name, accuracy=accuracy, cost_quanta=cost)
        for strategy, accuracy, cost in sorted(offers, key=lambda offer: offer[2])
        if np.isfinite(accuracy) and np.isfinite(cost)
    )
    outcome = result.outcome
    if outcome is None:
        return Decision(options=options, chosen=None, reason=None)
    names = {strategy.id: strategy.name for strategy in strategies}
    chosen = names[outcome.strategy_id]
    draws = iterate_draws(session, job_id=job.id, lo=result.seq, hi=result.seq + 1)
    drawn = next((name_draw(draw, names=names) for draw in draws), None)
    reason = explain_drawn(options, chosen, shadow_price=outcome.shadow_price, unit=unit, drawn=drawn)
    return Decision(options=options, chosen=chosen, reason=reason)
