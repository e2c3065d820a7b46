"""The dispatcher of one process: routes windows, runs groups, sweeps leases, until a job is complete."""

import asyncio
import logging
import os
import socket
import threading
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Engine as Database

from db.errors import StaleFence
from db.expiry import expire_leases
from db.jobs import Job, complete_job
from db.session import run_in_transaction, session_scope
from db.unstarted import count_unstarted
from router.units import Unit
from worker.doorbell import Doorbell
from worker.engine_activity import EngineActivity
from worker.engine_room import EngineRoom
from worker.engines.errors import EngineUnavailable
from worker.engines.protocol import Engine
from worker.group_claim import ClaimedWork, claim_work
from worker.group_run import GroupEnd, GroupRun, Surroundings
from worker.heartbeat import Heartbeat, Held, Loss
from worker.live_counts import LiveCounts
from worker.pool import PricedStrategy
from worker.progress import Watch
from worker.routing import Routed, open_routing, route_next_window
from worker.settings import Settings
from worker.settlement_bell import SettlementBell

logger = logging.getLogger(__name__)

SWEEP_SECONDS = 0.5
GROUPS_IN_FLIGHT = 8


@dataclass(frozen=True, kw_only=True, eq=False)
class Assets:
    """What a dispatcher works with."""

    database: Database
    strategies: dict[int, PricedStrategy]  # by database id
    engines: EngineRoom
    settings: Settings
    bell: Doorbell  # of the loop that drives
    watch: Watch
    draining: threading.Event  # set from outside: finish what is running, start nothing


class Dispatcher:
    """Drives one job on one event loop."""

    def __init__(self, assets: Assets, *, job: Job, unit: Unit, heartbeat: Heartbeat) -> None:
        self._assets = assets
        self._job = job
        self._unit = unit
        self._heartbeat = heartbeat
        self._owner = f"{socket.gethostname()}:{os.getpid()}"
        self._loop = asyncio.get_running_loop()
        self._settlements = SettlementBell()
        self._routed = open_routing(assets.database, job=job)
        self._next_sweep = 0.0  # on the monotonic clock
        most = self._count_concurrency()
        # Batches in flight: enough to keep the engines full, with one more being reserved or settled.
        self._slots = asyncio.Semaphore(max(2, -(-most // assets.settings.batch_tasks) + 1))
        self._ahead = max(1, most // 2)
        self._running: set[asyncio.Task[None]] = set()
        self._failure: Exception | None = None  # the first one; what runs is settled before it is raised
        names = {key: priced.strategy.name for key, priced in assets.strategies.items()}
        self._counts = LiveCounts(assets.database, job=job, unit=unit, names=names, watch=assets.watch)
        self.routing_seconds = 0.0

    async def drive(self) -> bool:
        """Whether the job is complete; False when we were asked to drain before.

        A failure drains as well, and is raised when nothing runs any more: other groups' answers are paid for.
        """
        await asyncio.to_thread(self._counts.show)
        try:
            while not await self._advance():
                await self._assets.bell.wait(timeout_seconds=SWEEP_SECONDS)
        finally:
            await self._abandon()
        if self._failure is not None:
            raise self._failure
        return await asyncio.to_thread(self._complete)

    async def _advance(self) -> bool:
        """Do what there is to do now; True when there is nothing left, or we are draining and nothing runs."""
        self._note_ended()
        if self._is_draining():
            return not self._running
        try:
            await asyncio.to_thread(self._sweep)
            await self._route()
            await self._start_groups()
            return not self._running and await asyncio.to_thread(self._complete)
        except Exception as error:
            self._failure = error
            return not self._running

    def _is_draining(self) -> bool:
        return self._assets.draining.is_set() or self._failure is not None

    def _count_concurrency(self) -> int:
        names = {priced.strategy.engine.name for priced in self._assets.strategies.values()}
        return sum(self._assets.engines.get(name).concurrency for name in names)

    async def _route(self) -> None:
        """Keep just enough routed that the engines never wait: a later window is priced on more settlements."""
        while not self._is_draining() and await asyncio.to_thread(self._count_unstarted) < self._ahead:
            started = time.monotonic()
            try:
                routed = await asyncio.to_thread(self._route_one)
            except StaleFence:  # we were slower than the window's lease, and another router has it
                continue
            if routed is None:
                return
            self.routing_seconds += time.monotonic() - started
            logger.info(
                "job %d window %d: %d tasks in %d groups, %d beyond the budget",
                self._job.id,
                routed.window_id,
                routed.tasks,
                routed.groups,
                routed.unserved,
            )

    def _route_one(self) -> Routed | None:
        return route_next_window(
            self._assets.database, routed=self._routed, owner=self._owner, settings=self._assets.settings
        )

    async def _start_groups(self) -> None:
        while not self._is_draining() and len(self._running) < GROUPS_IN_FLIGHT:
            work = await asyncio.to_thread(self._claim)
            if work is None:
                return
            task = asyncio.create_task(self._run_group(work))
            self._running.add(task)
            task.add_done_callback(lambda _: self._assets.bell.ring())

    async def _run_group(self, work: ClaimedWork) -> None:
        group, engines, priced = work.group, self._assets.engines, self._assets.strategies[work.group.strategy_id]
        name = priced.strategy.engine.name
        engine, activity = engines.get(name), engines.activity_of(name)
        run = self._prepare(work, engine=engine, activity=activity)
        try:
            end = await self._run_held(run.run(), Held(group.id, group.fence), activity)
        except EngineUnavailable as error:
            # Asked while it was being replaced: the group is ready again, and its next claim finds the new engine.
            if engines.get(name) is engine and not engines.is_restarting(name):
                raise
            logger.info("job %d group %d: %s", self._job.id, group.id, error)
            return
        logger.info("job %d group %d (%s): %s", self._job.id, group.id, priced.strategy.name, end)
        if end in (GroupEnd.ENGINE_DIED, GroupEnd.STALLED):
            await engines.restart(engine)

    def _prepare(self, work: ClaimedWork, *, engine: Engine, activity: EngineActivity) -> GroupRun:
        return GroupRun(
            group=work.group,
            tasks=work.tasks,
            engine=engine,
            unit=self._unit,
            surroundings=Surroundings(
                database=self._assets.database,
                slots=self._slots,
                bell=self._settlements,
                draining=self._is_draining,
                on_settled=partial(self._counts.note, work.group.strategy_id),
                batch_tasks=self._assets.settings.batch_tasks,
            ),
            activity=activity,
        )

    async def _run_held(self, work: Coroutine[Any, Any, GroupEnd], held: Held, activity: EngineActivity) -> GroupEnd:
        """Work under a heartbeat; a lost lease aborts the requests, whose answers could no longer be settled."""
        running = asyncio.create_task(work)
        losses: list[Loss] = []

        def abort(loss: Loss) -> None:  # called from the heartbeat's thread
            losses.append(loss)
            self._loop.call_soon_threadsafe(running.cancel)

        self._heartbeat.hold(held, activity=activity, on_lost=abort)
        try:
            await asyncio.wait({running})
        except asyncio.CancelledError:
            running.cancel()
            await asyncio.wait({running})
            raise
        finally:
            self._heartbeat.drop(held)
        if running.cancelled():
            return GroupEnd.STALLED if losses == [Loss.STALLED] else GroupEnd.LOST
        return running.result()

    def _claim(self) -> ClaimedWork | None:
        """A group whose engine can be asked now; those of an engine that is being replaced wait for the new one."""
        served = {
            key: priced
            for key, priced in self._assets.strategies.items()
            if not self._assets.engines.is_restarting(priced.strategy.engine.name)
        }
        return claim_work(
            self._assets.database,
            job_id=self._job.id,
            owner=self._owner,
            lease_seconds=self._assets.settings.lease_seconds,
            served=served,
        )

    def _sweep(self) -> None:
        """Take back what lost workers held; not at every bell, since leases last for seconds."""
        if time.monotonic() < self._next_sweep:
            return
        self._next_sweep = time.monotonic() + SWEEP_SECONDS
        expired = run_in_transaction(self._assets.database, lambda session: expire_leases(session, job_id=self._job.id))
        if expired.groups or expired.windows:
            logger.warning(
                "job %d: took back %d groups and %d windows of a lost worker, %d started tasks were burned",
                self._job.id,
                expired.groups,
                expired.windows,
                expired.burned_tasks,
            )

    def _count_unstarted(self) -> int:
        with session_scope(self._assets.database) as session:
            return count_unstarted(session, job_id=self._job.id)

    def _complete(self) -> bool:
        return run_in_transaction(self._assets.database, lambda session: complete_job(session, job_id=self._job.id))

    def _note_ended(self) -> None:
        for task in [task for task in self._running if task.done()]:
            self._running.discard(task)
            try:
                task.result()
            except Exception as error:
                self._failure = self._failure or error

    async def _abandon(self) -> None:
        """Only when we are cancelled is anything left: leases end by themselves, and reservations are burned then."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
