"""The main job, from lines to answers: plan, submit, drive; and driving on what an earlier command left."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, Protocol

from sqlalchemy import Engine as Database

from db.jobs import Job, read_job, update_meta
from db.predictors import read_champions
from db.session import run_in_transaction, session_scope
from db.states import FINAL_STATES, JobKind, JobState
from db.tasks import NewTask
from router.warm_up import compile_kernels
from worker.bootstrap import Workshop, build_doorbell, build_engine
from worker.dispatcher import Assets, Dispatcher
from worker.engine_room import EngineRoom
from worker.engine_warnings import find_engine_changes
from worker.errors import JobNotDriveable
from worker.heartbeat import Heartbeat
from worker.objective import Objective, Request
from worker.planning import plan_tasks, read_predictors, store_run
from worker.precedence import NO_PRECEDENCE, Precedence
from worker.producer import follow_job
from worker.progress import Progress, Stage
from worker.shared_budgets import draw_on
from worker.strategy_life import keep_in_service
from worker.submission import RunPlan, submit_calibration

StoreJob = Callable[[], int]  # stores a job, or knows one that is stored, and gives its id


class Dispatched(NamedTuple):
    """What became of a job under one dispatcher."""

    completed: bool
    routing_seconds: float
    answering_seconds: float


@dataclass(frozen=True, kw_only=True)
class RunEnd:
    """How far a command brought a job."""

    job_id: int
    completed: bool  # False: drained on request, `apportion continue` goes on


def run(
    workshop: Workshop,
    *,
    tasks: Sequence[NewTask],
    request: Request,
    meta: Mapping[str, Any],
    precedence: Precedence = NO_PRECEDENCE,
    draining: threading.Event,
    on_submitted: Callable[[int, RunPlan], None],
) -> RunEnd:
    """Answer the tasks; BudgetTooSmall, UntrainedStrategies and engine errors leave no job behind."""
    workshop = keep_in_service(workshop)
    predictors = read_predictors(workshop)  # before anything slow, as they may be missing
    asked = draw_on(workshop.database, request, pool=workshop.pool)
    workshop.watch(Progress(stage=Stage.ALLOCATOR))
    compile_kernels()
    workshop.watch(Progress(stage=Stage.ENCODING))  # how many are new, the encoder says
    workshop.load_models()

    async def submit(driver: Driver) -> int:
        plan = await asyncio.to_thread(plan_tasks, workshop, tasks=tasks, request=asked, predictors=predictors)
        await driver.be_ready()  # a job is stored once it can be answered
        started = time.monotonic()
        job_id = await asyncio.to_thread(store_run, workshop, tasks=tasks, plan=plan, meta=meta, precedence=precedence)
        await asyncio.to_thread(_add_timings, workshop, job_id, {"storing_seconds": time.monotonic() - started})
        on_submitted(job_id, plan)
        return job_id

    return asyncio.run(_drive(workshop, submit, draining=draining))


def calibrate(
    workshop: Workshop,
    *,
    tasks: Sequence[NewTask],
    meta: Mapping[str, Any],
    draining: threading.Event,
    on_submitted: Callable[[int], None],
) -> RunEnd:
    """Let every strategy of the workshop answer every task; engines that do not start leave no job behind."""

    def store() -> int:
        job_id = run_in_transaction(
            workshop.database,
            lambda session: submit_calibration(
                session, tasks=tasks, pool=workshop.pool, strategy_ids=workshop.strategy_ids, meta=meta
            ),
        )
        on_submitted(job_id)
        return job_id

    end = drive_jobs(workshop, jobs=iter((store,)), draining=draining)
    assert end is not None
    return end


def drive_job(workshop: Workshop, *, job_id: int, draining: threading.Event) -> RunEnd:
    """Bring a stored job as far as it goes: what was answered stays answered, what a lost worker held is run again."""
    end = drive_jobs(workshop, jobs=iter((lambda: job_id,)), draining=draining)
    assert end is not None
    return end


def drive_jobs(workshop: Workshop, *, jobs: Iterator[StoreJob], draining: threading.Event) -> RunEnd | None:
    """Bring jobs to their end one after the other, on engines that start once; None when there is no job.

    A job is stored when the engines run: those that do not start leave none behind. It is asked for when the one before
    it is complete, whose outcomes may decide what it asks.
    """
    first = next(jobs, None)
    return None if first is None else asyncio.run(_drive_in_turn(workshop, first, jobs, draining=draining))


class Driver(Protocol):
    """Brings jobs to their end: in this process, or by watching those who do."""

    async def be_ready(self) -> None:
        """Return when jobs can be answered; an engine's error when they can not."""

    async def bring_to_its_end(self, job_id: int, *, draining: threading.Event) -> RunEnd:
        """How far a stored job came before it ended, or we were asked to stop."""


@dataclass(frozen=True, kw_only=True, eq=False)
class OwnEngines:
    """Engines of this process, which start while the job is planned: both take seconds, and neither needs the other."""

    workshop: Workshop
    room: EngineRoom
    starting: asyncio.Task[None]

    async def be_ready(self) -> None:
        """Return when the engines run."""
        self.workshop.watch(Progress(stage=Stage.ENGINES))
        await self.starting

    async def bring_to_its_end(self, job_id: int, *, draining: threading.Event) -> RunEnd:
        """Dispatch the job here."""
        return await _bring_to_its_end(self.workshop, self.room, job_id, draining=draining)


@dataclass(frozen=True, kw_only=True, eq=False)
class Workers:
    """Workers elsewhere, reached through the broker."""

    workshop: Workshop

    async def be_ready(self) -> None:
        """A job waits for its workers, not they for it."""

    async def bring_to_its_end(self, job_id: int, *, draining: threading.Event) -> RunEnd:
        """Ring, and watch."""
        shop = self.workshop
        ended = await follow_job(
            shop.settings, database=shop.database, job_id=job_id, draining=draining, watch=shop.watch
        )
        return RunEnd(job_id=job_id, completed=ended)


async def _drive(
    workshop: Workshop, submit: Callable[[Driver], Awaitable[int]], *, draining: threading.Event
) -> RunEnd:
    async with _open_driver(workshop) as driver:
        job_id = await submit(driver)
        return await driver.bring_to_its_end(job_id, draining=draining)


async def _drive_in_turn(
    workshop: Workshop, first: StoreJob, rest: Iterator[StoreJob], *, draining: threading.Event
) -> RunEnd:
    async with _open_driver(workshop) as driver:
        await driver.be_ready()
        store: StoreJob | None = first
        while store is not None:
            job_id = await asyncio.to_thread(store)
            end = await driver.bring_to_its_end(job_id, draining=draining)
            await asyncio.to_thread(require_whole, workshop.database, job_id=job_id)
            store = await asyncio.to_thread(next, rest, None) if end.completed else None
        return end


def require_whole(database: Database, *, job_id: int) -> None:
    """JobNotDriveable for a calibration or probe that was cancelled meanwhile: nothing may build on a part of it."""
    with session_scope(database) as session:
        job = read_job(session, job_id=job_id)
    if job.state is JobState.CANCELLED and job.kind in (JobKind.CALIBRATION, JobKind.PROBE):
        raise JobNotDriveable(f"{job.kind} {job_id} was cancelled: the command that began it begins another one")


@asynccontextmanager
async def _open_driver(workshop: Workshop) -> AsyncIterator[Driver]:
    """Workers elsewhere, where a broker is named; else engines that are starting, and stop at the end of the block."""
    if workshop.settings.has_workers:
        yield Workers(workshop=workshop)
        return
    room = EngineRoom(workshop.pool, build=partial(build_engine, settings=workshop.settings))
    starting = asyncio.create_task(room.start())
    try:
        yield OwnEngines(workshop=workshop, room=room, starting=starting)
    finally:
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        await room.stop()


async def _bring_to_its_end(workshop: Workshop, room: EngineRoom, job_id: int, *, draining: threading.Event) -> RunEnd:
    job = await asyncio.to_thread(_note_engines, workshop, room, job_id)
    if job.state in FINAL_STATES:
        return RunEnd(job_id=job_id, completed=True)
    ended = await dispatch(workshop, room, job=job, draining=draining)
    timings = {"routing_seconds": ended.routing_seconds, "answering_seconds": ended.answering_seconds}
    await asyncio.to_thread(_add_timings, workshop, job_id, timings)
    return RunEnd(job_id=job_id, completed=ended.completed)


async def dispatch(workshop: Workshop, room: EngineRoom, *, job: Job, draining: threading.Event) -> Dispatched:
    """Bring the job as far as it goes on engines that are running."""
    settings = workshop.settings
    assets = Assets(
        database=workshop.database,
        strategies=dict(zip(workshop.strategy_ids, workshop.pool.strategies, strict=True)),
        engines=room,
        settings=settings,
        bell=build_doorbell(),
        watch=workshop.watch,
        draining=draining,
    )
    unit = Objective.from_json(job.objective).unit
    started = time.monotonic()
    with Heartbeat(
        workshop.database, lease_seconds=settings.lease_seconds, stall_seconds=settings.stall_seconds
    ) as heartbeat:
        dispatcher = Dispatcher(assets, job=job, unit=unit, heartbeat=heartbeat)
        completed = await dispatcher.drive()
    return Dispatched(completed, dispatcher.routing_seconds, time.monotonic() - started)


def _note_engines(workshop: Workshop, room: EngineRoom, job_id: int) -> Job:
    """Keep with the job who answers it; what an earlier command noted of other engines stays beside it."""
    identities = {name: identity.to_json() for name, identity in room.identities().items()}
    with session_scope(workshop.database) as session:
        job = read_job(session, job_id=job_id)
        earlier = job.meta.get("engines", {})
        changed = {f"{name} (earlier)": value for name, value in earlier.items() if identities.get(name) != value}
        champions = read_champions(session, strategy_ids=job.strategy_ids, encoder=job.encoder)
        warnings = find_engine_changes(list(champions.values()), room.identities())
        update_meta(session, job_id=job_id, meta={"engines": changed | identities, "warnings": warnings})
        return read_job(session, job_id=job_id)


def _add_timings(workshop: Workshop, job_id: int, timings: Mapping[str, float]) -> None:
    """Timings add up over the commands that worked on the job."""
    with session_scope(workshop.database) as session:
        meta = read_job(session, job_id=job_id).meta
        update_meta(session, job_id=job_id, meta={name: meta.get(name, 0.0) + value for name, value in timings.items()})
