"""A job run for real under a binding budget: windows, reservations, settlements; the engine answers at once."""

import asyncio
import dataclasses
import json
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bench.figures import Figure
from bench.instant_engine import PROMPT_TOKENS, InstantEngine, make_instant_pool
from bench.pacing_workloads import STRATEGIES, WORST_TIMES, Workload, make_hard_last
from db.invariants import find_violations
from db.jobs import Job, read_job
from db.predictions import Predictions
from db.progress import read_spending
from db.results import iterate_results
from db.session import run_in_transaction, session_scope
from db.tasks import NewTask
from router.units import Unit
from worker.bootstrap import Workshop
from worker.database import open_database
from worker.engine_room import EngineRoom
from worker.objective import Mode, Objective, Totals
from worker.pool import register_pool
from worker.runs import Dispatched, dispatch
from worker.settings import Settings, read_settings
from worker.submission import TENANT, RunPlan, submit_run

QUANTA_PER_TOKEN = 100  # of the simulated workload
WINDOWS = 100  # and none smaller than this many tasks:
LEAST_WINDOW = 200
BATCH_TASKS = 128
SEED = 2


class RealRun(NamedTuple):
    """What became of the job."""

    accuracy: float  # summed as predicted over the strategies that answered
    unanswered: int
    highest: int  # spent, burned and reserved together, at any ledger entry
    violations: int  # rows of invariants that must not be
    routing_seconds: float
    seconds: float


def measure_real_job(tasks: int) -> list[Figure]:
    """Hard tasks last, known from the start, under a fifth of the budget range."""
    workload = shrink(make_hard_last(tasks, SEED))
    window_tasks = max(LEAST_WINDOW, tasks // WINDOWS)
    with open_instant_workshop(window_tasks) as workshop:
        run = run_for_real(workshop, workload)
    share = 100 * run.accuracy / workload.find_optimum().accuracy
    overrun = max(run.highest - workload.cap, 0)
    window_ms = 1e3 * run.routing_seconds / -(-tasks // window_tasks)
    print(
        f"\nfor real, {workload.name}, {tasks:,} tasks: {share:.4f} % of optimum, overrun {overrun}, {run.unanswered} "
        f"unanswered, {run.violations} broken invariants; {window_ms:.1f} ms a window, "
        f"{tasks / run.seconds:,.0f} tasks/s"
    )
    # A small job ends with one task's worst case unspent, which weighs more than the goal allows.
    goal = 99.99 if tasks >= 100_000 else 99.5
    return [
        Figure(f"for real, {tasks:,} tasks", share, "% of optimum", f">= {goal:g}", share >= goal),
        Figure("for real, overrun", overrun, "quanta", "0", overrun == 0),
        Figure("for real, unanswered", run.unanswered, "tasks", "0", run.unanswered == 0),
        Figure("for real, broken invariants", run.violations, "rows", "0", run.violations == 0),
    ]


def shrink(workload: Workload) -> Workload:
    """The workload with its costs in tokens."""
    cost = np.ceil(workload.cost / QUANTA_PER_TOKEN)
    return dataclasses.replace(workload, cost=cost, cap=workload.cap // QUANTA_PER_TOKEN)


@contextmanager
def open_instant_workshop(window_tasks: int) -> Iterator[Workshop]:
    """A workshop without models on a database of its own, which is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="apportion-bench-"))
    folder.chmod(0o755)  # where root runs this, the database's own user has to pass through
    settings: Settings = dataclasses.replace(
        read_settings(),
        database_url=None,
        data_directory=folder,
        window_tasks=window_tasks,
        batch_tasks=BATCH_TASKS,
    )
    pool = make_instant_pool(STRATEGIES)
    try:
        with open_database(settings) as database:
            strategy_ids = run_in_transaction(
                database, lambda session: register_pool(session, tenant_id=TENANT, pool=pool)
            )
            yield Workshop(
                settings=settings, database=database, pool=pool, strategy_ids=strategy_ids, watch=lambda _: None
            )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run_for_real(workshop: Workshop, workload: Workload) -> RealRun:
    """Submit the workload, let one process route and answer it, and read what came of it."""
    job = store(workshop, workload)
    started = time.monotonic()
    ended = asyncio.run(answer(workshop, workload, job))
    seconds = time.monotonic() - started
    assert ended.completed
    column_of = {strategy_id: column for column, strategy_id in enumerate(job.strategy_ids)}
    with session_scope(workshop.database) as session:
        outcomes = [(result.seq, result.outcome) for result in iterate_results(session, job_id=job.id)]
        points = read_spending(session, job_id=job.id)
        violations = find_violations(session)
    answered = [(seq, column_of[outcome.strategy_id]) for seq, outcome in outcomes if outcome is not None]
    return RealRun(
        accuracy=sum(float(workload.accuracy[cell]) for cell in answered),
        unanswered=len(outcomes) - len(answered),
        highest=max(point.reserved + point.spent + point.burned for point in points),
        violations=len(violations),
        routing_seconds=ended.routing_seconds,
        seconds=seconds,
    )


def store(workshop: Workshop, workload: Workload) -> Job:
    """The workload as a submitted job."""
    shape = workload.cost.shape
    predictions = Predictions(
        accuracy=workload.accuracy,
        cost=workload.cost,
        worst_cost=WORST_TIMES * workload.cost,
        prompt_tokens=np.full(shape, PROMPT_TOKENS, dtype=np.int32),
    )
    plan = RunPlan(
        objective=Objective(mode=Mode.BUDGET, unit=Unit.TOKENS, stated="20%", cap=workload.cap),
        totals=Totals(cheapest=0, cheapest_worst=0, dearest=0),
        predictions=predictions,
        version_ids=(),
        encoder="none",
        encoding_seconds=0.0,
        planning_seconds=0.0,
    )
    tasks = [NewTask(custom_id=f"task-{seq}", payload=write_payload(seq)) for seq in range(shape[0])]
    job_id = run_in_transaction(
        workshop.database,
        lambda session: submit_run(session, tasks=tasks, plan=plan, strategy_ids=workshop.strategy_ids, meta={}),
    )
    with session_scope(workshop.database) as session:
        return read_job(session, job_id=job_id)


def write_payload(seq: int) -> str:
    """A task whose prompt is its number."""
    body = {"model": "auto", "messages": [{"role": "user", "content": str(seq)}]}
    line = {"custom_id": f"task-{seq}", "method": "POST", "url": "/v1/chat/completions", "body": body}
    return json.dumps(line)


async def answer(workshop: Workshop, workload: Workload, job: Job) -> Dispatched:
    """Dispatch the job to its end; an answer is as long as predicted times its task's factor."""
    true = np.minimum(np.ceil(workload.cost * workload.factor[:, None]), WORST_TIMES * workload.cost).astype(int)
    room = EngineRoom(workshop.pool, build=lambda _: InstantEngine(lambda seq, column: int(true[seq, column])))
    await room.start()
    try:
        return await dispatch(workshop, room, job=job, draining=threading.Event())
    finally:
        await room.stop()
