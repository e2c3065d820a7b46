"""The dispatcher of one process: routes windows, runs groups, sweeps leases, until a job is complete."""

import asyncio
import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine as Database

from db.breakers import list_open_breakers
from db.budgets import Budget
from db.cancelling import cancel_rest
from db.expiry import expire_leases
from db.groups import ClaimedGroup
from db.jobs import Job, complete_job
from db.session import run_in_transaction, session_scope
from db.settlements import NewOutcome
from db.strategy_modes import read_out_of_service
from router.units import Unit
from worker.doorbell import Doorbell
from worker.drift_sweep import DriftSweep
from worker.engine_desk import EngineAssets, EngineDesk, GroupFailure
from worker.engine_room import EngineRoom
from worker.engines.errors import EngineError, EngineUnavailable
from worker.heartbeat import Heartbeat
from worker.live_counts import LiveCounts
from worker.owner import name_owner
from worker.period_roll import roll_periods
from worker.pool import PricedStrategy
from worker.progress import Watch
from worker.quiet_job import QuietJob
from worker.router_desk import RouterDesk
from worker.settings import Settings
from worker.strategy_health import leave_alone, recall_all

logger = logging.getLogger(__name__)

SWEEP_SECONDS = 0.5


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
        self._next_sweep = 0.0  # on the monotonic clock
        self._failure: Exception | None = None  # the first one; what runs is settled before it is raised
        self._drift = DriftSweep(assets.database)
        self._quiet = QuietJob(assets.database, job_id=job.id, has_workers=False)
        names = {key: priced.strategy.name for key, priced in assets.strategies.items()}
        self._counts = LiveCounts(assets.database, job=job, unit=unit, names=names, watch=assets.watch)
        self._router = RouterDesk(
            assets.database, settings=assets.settings, owner=name_owner(), is_draining=self._is_draining
        )
        self._engines = EngineDesk(
            EngineAssets(
                database=assets.database,
                strategies=assets.strategies,
                engines=assets.engines,
                settings=assets.settings,
                heartbeat=heartbeat,
                owner=name_owner(),
                job_id=job.id,
                unit_of=lambda _: unit,
                is_draining=self._is_draining,
                on_settled=self._note_settled,
                on_room=assets.bell.ring,
            )
        )
        self._ahead = max(1, self._engines.concurrency // 2)

    @property
    def routing_seconds(self) -> float:
        """How long routing took so far."""
        return self._router.routing_seconds

    async def drive(self) -> bool:
        """Whether the job is complete; False when we were asked to drain before.

        A failure drains as well, and is raised when nothing runs any more: other groups' answers are paid for.
        """
        await asyncio.to_thread(self._counts.show)
        try:
            while not await self._advance():
                await self._assets.bell.wait(timeout_seconds=SWEEP_SECONDS)
        finally:
            await self._engines.abandon()
        if self._failure is not None:
            raise self._failure
        return await asyncio.to_thread(self._complete)

    async def _advance(self) -> bool:
        """Do what there is to do now; True when there is nothing left, or we are draining and nothing runs."""
        for failure in self._engines.take_failures():
            if self._failure is None and await asyncio.to_thread(self._is_fatal, failure):
                self._failure = failure.error
        if self._is_draining():
            return self._engines.is_idle
        try:
            await asyncio.to_thread(self._sweep)
            await asyncio.to_thread(self._router.route_job, self._job, ahead=self._ahead)
            await self._engines.start_groups()
            return self._engines.is_idle and await asyncio.to_thread(self._complete)
        except Exception as error:
            self._failure = error
            return self._engines.is_idle

    def _is_draining(self) -> bool:
        return self._assets.draining.is_set() or self._failure is not None

    def _is_fatal(self, failure: GroupFailure) -> bool:
        """An engine that can not answer ends the job's command only where no other is left to."""
        engines = {key: priced.strategy.engine.name for key, priced in self._assets.strategies.items()}
        if not isinstance(failure.error, EngineError) or len(set(engines.values())) == 1:
            return True
        logger.warning("job %d: %s", self._job.id, failure.error)
        if not isinstance(failure.error, EngineUnavailable):  # never, as it is set up, or as often as it was started
            served = [key for key, engine in engines.items() if engine == failure.engine]
            leave_alone(self._assets.database, strategy_ids=served, reason=str(failure.error))
        with session_scope(self._assets.database) as session:
            left_alone = {breaker.strategy_id for breaker in list_open_breakers(session, strategy_ids=list(engines))}
            out_of_service = read_out_of_service(session, strategy_ids=list(engines))
        return engines.keys() <= left_alone | out_of_service.keys()

    def _note_settled(self, group: ClaimedGroup, outcomes: Sequence[NewOutcome], budget: Budget | None) -> None:
        self._counts.note(group.strategy_id, outcomes, budget)

    def _sweep(self) -> None:
        """Take back what lost workers held, give up what a cancelled job left, begin new periods; now and then only."""
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
        recall_all(self._assets.database)
        run_in_transaction(self._assets.database, lambda session: cancel_rest(session, job_id=self._job.id))
        roll_periods(self._assets.database)
        self._drift.look()
        self._quiet.note(self._counts.answered)

    def _complete(self) -> bool:
        return run_in_transaction(self._assets.database, lambda session: complete_job(session, job_id=self._job.id))
