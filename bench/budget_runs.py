"""One job after the other on the same tasks and engines, each within its own budget."""

import asyncio
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from db.budgets import read_budget
from db.jobs import Job, read_job
from db.results import iterate_results
from db.session import session_scope
from db.tasks import NewTask
from router.units import Amount, BudgetPercent
from worker.bootstrap import Workshop
from worker.engine_room import EngineRoom
from worker.engines.protocol import Engine
from worker.objective import Request
from worker.planning import plan_tasks, read_predictors, store_run
from worker.pool import ServedModel
from worker.runs import dispatch

PLAIN = Request(stated="")
Budgets = Mapping[str, Amount | BudgetPercent]  # by the name of the run


class BudgetRun(NamedTuple):
    """What the router made of a budget; amounts in quanta."""

    job_id: int
    name: str
    budget: int
    spent: int
    correct: float  # tasks answered right
    unanswered: int
    overhead_ms: float  # a task: everything but encoding and generation

    @property
    def within(self) -> bool:
        """Whether the budget held."""
        return self.spent <= self.budget


def run_budgets(
    workshop: Workshop,
    *,
    tasks: Sequence[NewTask],
    budgets: Budgets,
    build: Callable[[ServedModel], Engine],
    asked: Request = PLAIN,
) -> list[BudgetRun]:
    """Run the tasks once for each budget; the engines are started once. `asked` is what all of them ask for beside."""

    async def run_all() -> list[BudgetRun]:
        room = EngineRoom(workshop.pool, build=build)
        await room.start()
        try:
            return [
                await _run_one(workshop, room, tasks=tasks, request=replace(asked, stated=name, budget=budget))
                for name, budget in budgets.items()
            ]
        finally:
            await room.stop()

    return asyncio.run(run_all())


async def _run_one(workshop: Workshop, room: EngineRoom, *, tasks: Sequence[NewTask], request: Request) -> BudgetRun:
    predictors = await asyncio.to_thread(read_predictors, workshop)
    plan = await asyncio.to_thread(plan_tasks, workshop, tasks=tasks, request=request, predictors=predictors)
    started = time.monotonic()
    job_id = await asyncio.to_thread(store_run, workshop, tasks=tasks, plan=plan, meta={})
    storing_seconds = time.monotonic() - started
    with session_scope(workshop.database) as session:
        job = read_job(session, job_id=job_id)
    ended = await dispatch(workshop, room, job=job, draining=threading.Event())
    overhead_seconds = plan.planning_seconds + storing_seconds + ended.routing_seconds
    return await asyncio.to_thread(_sum_up, workshop, job, 1000 * overhead_seconds / len(tasks))


def _sum_up(workshop: Workshop, job: Job, overhead_ms: float) -> BudgetRun:
    with session_scope(workshop.database) as session:
        budget = read_budget(session, budget_id=job.budget_id)
        outcomes = [result.outcome for result in iterate_results(session, job_id=job.id)]
    assert budget.cap is not None
    return BudgetRun(
        job_id=job.id,
        name=job.objective["stated"],
        budget=budget.cap,
        spent=budget.spent + budget.burned + budget.overrun,
        correct=sum(outcome.correct or 0.0 for outcome in outcomes if outcome is not None),
        unanswered=sum(outcome is None or outcome.error_code is not None for outcome in outcomes),
        overhead_ms=overhead_ms,
    )
