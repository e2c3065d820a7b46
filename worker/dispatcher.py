"""The dispatcher of one process: routes windows, runs groups, sweeps leases, until a job is complete."""

import asyncio
import logging
import os
import socket
import threading
import time
from dataclasses import dataclass

from sqlalchemy import Engine as Database

from db.expiry import expire_leases
from db.groups import ClaimedGroup, claim_group
from db.jobs import Job, complete_job
from db.session import run_in_transaction, session_scope
from db.tasks import read_tasks
from db.unstarted import read_unstarted
from router.units import Unit
from worker.attempt import Assigned
from worker.doorbell import LocalDoorbell
from worker.engine_room import EngineRoom
from worker.group_run import GroupEnd, GroupRun, Surroundings
from worker.guarantee import load_guarantee
from worker.heartbeat import Heartbeat, Held
from worker.live_counts import LiveCounts
from worker.pool import PricedStrategy
from worker.progress import Watch
from worker.routing import route_next_window
from worker.settings import Settings
from worker.settlement_bell import SettlementBell
from worker.task_line import parse_task_line

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
        self._bell = LocalDoorbell(self._loop)
        self._settlements = SettlementBell()
        self._guarantee = load_guarantee(assets.database, job=job)
        most = self._count_concurrency()
        # Batches in flight: enough to keep the engines full, with one more being reserved or settled.
        self._slots = asyncio.Semaphore(max(2, -(-most // assets.settings.batch_tasks) + 1))
        self._ahead = max(1, most // 2)
        self._running: set[asyncio.Task[None]] = set()
        names = {key: priced.strategy.name for key, priced in assets.strategies.items()}
        self._counts = LiveCounts(assets.database, job=job, unit=unit, names=names, watch=assets.watch)
        self.routing_seconds = 0.0

    async def drive(self) -> bool:
        """Whether the job is complete; False when we were asked to drain before."""
        await asyncio.to_thread(self._counts.show)
        try:
            while True:
                self._raise_failures()
                if self._assets.draining.is_set() and not self._running:
                    return await asyncio.to_thread(self._complete)
                await asyncio.to_thread(self._sweep)
                await self._route()
                await self._start_groups()
                if not self._running and await asyncio.to_thread(self._complete):
                    return True
                await self._bell.wait(timeout_seconds=SWEEP_SECONDS)
        finally:
            await self._abandon()

    def _count_concurrency(self) -> int:
        names = {priced.strategy.engine.name for priced in self._assets.strategies.values()}
        return sum(self._assets.engines.get(name).concurrency for name in names)

    async def _route(self) -> None:
        """Keep just enough routed that the engines never wait: a later window is priced on more settlements."""
        while not self._assets.draining.is_set() and await asyncio.to_thread(self._count_unstarted) < self._ahead:
            started = time.monotonic()
            routed = await asyncio.to_thread(
                route_next_window,
                self._assets.database,
                job_id=self._job.id,
                owner=self._owner,
                settings=self._assets.settings,
                guarantee=self._guarantee,
            )
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

    async def _start_groups(self) -> None:
        while not self._assets.draining.is_set() and len(self._running) < GROUPS_IN_FLIGHT:
            group = await asyncio.to_thread(self._claim)
            if group is None:
                return
            task = asyncio.create_task(self._run_group(group))
            self._running.add(task)
            task.add_done_callback(lambda _: self._bell.ring())

    async def _run_group(self, group: ClaimedGroup) -> None:
        priced = self._assets.strategies[group.strategy_id]
        engine = self._assets.engines.get(priced.strategy.engine.name)
        held = Held(group.id, group.fence)
        run = GroupRun(
            group=group,
            tasks=await asyncio.to_thread(self._load_tasks, group, priced),
            engine=engine,
            unit=self._unit,
            surroundings=Surroundings(
                database=self._assets.database,
                slots=self._slots,
                bell=self._settlements,
                guarantee=self._guarantee,
                draining=self._assets.draining.is_set,
                on_settled=lambda outcomes: self._counts.note(group.strategy_id, outcomes),
                batch_tasks=self._assets.settings.batch_tasks,
            ),
            on_progress=lambda: self._heartbeat.note_progress(held),
        )
        end = await self._run_held(run, held)
        logger.info("job %d group %d (%s): %s", self._job.id, group.id, priced.strategy.name, end)
        if end is GroupEnd.ENGINE_DIED:
            await self._assets.engines.restart(engine)

    async def _run_held(self, run: GroupRun, held: Held) -> GroupEnd:
        """Run under a heartbeat; a lost lease aborts the requests, whose answers could no longer be settled."""
        running = asyncio.create_task(run.run())
        self._heartbeat.hold(held, on_lost=lambda: self._cancel_soon(running))
        try:
            await asyncio.wait({running})
        except asyncio.CancelledError:
            running.cancel()
            await asyncio.wait({running})
            raise
        finally:
            self._heartbeat.drop(held)
        return GroupEnd.LOST if running.cancelled() else running.result()

    def _cancel_soon(self, running: asyncio.Task[GroupEnd]) -> None:
        """Called from the heartbeat's thread."""
        self._loop.call_soon_threadsafe(running.cancel)

    def _load_tasks(self, group: ClaimedGroup, priced: PricedStrategy) -> list[Assigned]:
        with session_scope(self._assets.database) as session:
            stored = read_tasks(session, job_id=group.job_id, seqs=group.seqs)
        return [
            Assigned(
                seq=task.seq,
                line=parse_task_line(task.payload),
                priced=priced,
                amount=amount,
                lost_workers=lost_workers,
            )
            for task, amount, lost_workers in zip(stored, group.amounts, group.burned_attempts, strict=True)
        ]

    def _claim(self) -> ClaimedGroup | None:
        return run_in_transaction(
            self._assets.database,
            lambda session: claim_group(
                session, owner=self._owner, lease_seconds=self._assets.settings.lease_seconds, job_id=self._job.id
            ),
        )

    def _sweep(self) -> None:
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
            return read_unstarted(session, job_id=self._job.id).tasks

    def _complete(self) -> bool:
        return run_in_transaction(self._assets.database, lambda session: complete_job(session, job_id=self._job.id))

    def _raise_failures(self) -> None:
        for task in [task for task in self._running if task.done()]:
            self._running.discard(task)
            task.result()

    async def _abandon(self) -> None:
        """Only after a failure is anything left: its leases end by themselves, and its reservations are burned then."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
