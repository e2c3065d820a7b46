"""The engine role: serves one engine of a strategy file, and runs the groups of every strategy that asks it."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial

from sqlalchemy import Engine as Database
from sqlalchemy.exc import DBAPIError

from db.budgets import Budget
from db.groups import ClaimedGroup
from db.settlements import NewOutcome
from worker.engine_desk import EngineAssets, EngineDesk
from worker.engine_room import EngineRoom
from worker.engines.errors import EngineError, EngineMisconfigured, EngineUnavailable
from worker.heartbeat import Heartbeat
from worker.job_facts import JobFacts
from worker.owner import name_owner
from worker.pool import PricedStrategy
from worker.queues import ROUTER, engine_queue
from worker.settings import Settings
from worker.strategy_health import leave_alone

logger = logging.getLogger(__name__)

MAX_SURPRISES = 20  # errors nobody foresaw, in a row: then the worker ends, and whoever keeps it starts a new one


class EngineRole:
    """Claims and runs groups until it is drained."""

    pause_seconds = 1.0

    def __init__(
        self,
        *,
        engine: str,
        room: EngineRoom,
        database: Database,
        strategies: dict[int, PricedStrategy],
        settings: Settings,
        is_draining: Callable[[], bool],
        ring: Callable[[str], None],
        wake: Callable[[], None],
    ) -> None:
        self.queue = engine_queue(engine)
        self._room = room
        self._ring = ring
        self._is_asked_to_drain = is_draining
        self._database, self._strategies = database, strategies
        self._facts = JobFacts(database)
        self._heartbeat = Heartbeat(
            database, lease_seconds=settings.lease_seconds, stall_seconds=settings.stall_seconds
        )
        self._make_desk = partial(
            EngineAssets,
            database=database,
            strategies=strategies,
            engines=room,
            settings=settings,
            heartbeat=self._heartbeat,
            owner=name_owner(),
            job_id=None,
            unit_of=self._facts.unit_of,
            is_draining=self._is_draining,
            on_settled=self._note_settled,
            on_room=wake,
        )
        self._desk: EngineDesk | None = None
        self._held = ExitStack()
        self._surprises = 0
        self._failure: Exception | None = None  # after which this worker can not be of use any more

    async def open(self) -> None:
        """Start the engine."""
        try:
            await self._room.start()
        except EngineError as error:
            if self._is_refused_by_server(error):
                await asyncio.to_thread(self._leave_alone, error)
            raise
        self._held.enter_context(self._heartbeat)
        self._desk = EngineDesk(self._make_desk())

    async def step(self) -> bool:
        """Start what there is room for; the router is rung when nothing is left to start.

        After an error that ends this worker what runs is settled or handed back, then the error is raised.
        """
        desk = self._opened()
        for failure in desk.take_failures():
            await asyncio.to_thread(self._look_at, failure.error)
        if self._failure is not None and desk.is_idle:
            raise self._failure
        if not self._is_draining() and not await desk.start_groups():
            self._ring(ROUTER)
        return False

    def has_finished(self) -> bool:
        """Whether no group runs."""
        return self._desk is None or self._desk.is_idle

    async def close(self) -> None:
        """Let go of the groups and stop the engine."""
        if self._desk is not None:
            await self._desk.abandon()
        await asyncio.to_thread(self._held.close)
        await self._room.stop()

    def _opened(self) -> EngineDesk:
        assert self._desk is not None, "a role is opened before its first step"
        return self._desk

    def _is_draining(self) -> bool:
        return self._failure is not None or self._is_asked_to_drain()

    def _look_at(self, error: Exception) -> None:
        """Other groups go on, unless this worker can not be of use any more."""
        logger.error("%s: %s", self.queue, error, exc_info=not isinstance(error, EngineError | DBAPIError))
        if isinstance(error, EngineUnavailable | DBAPIError):  # a breaker or a lease sees to it
            return
        if self._is_refused_by_server(error):
            self._leave_alone(error)
            return
        self._surprises += 1
        if isinstance(error, EngineError) or self._surprises >= MAX_SURPRISES:
            self._failure = self._failure or error

    def _is_refused_by_server(self, error: Exception) -> bool:
        """Whether the engine can be asked by nobody; one on this machine says nothing of those on others."""
        has_weights = any(priced.strategy.engine.kind.has_weights for priced in self._strategies.values())
        return isinstance(error, EngineMisconfigured) and not has_weights

    def _leave_alone(self, error: Exception) -> None:
        """Others answer; the engine is on trial after a while, by this worker or by whoever comes after it."""
        leave_alone(self._database, strategy_ids=list(self._strategies), reason=str(error))

    def _note_settled(self, group: ClaimedGroup, outcomes: Sequence[NewOutcome], budget: Budget | None) -> None:
        self._surprises = 0
        logger.debug("job %d group %d: %d tasks settled, budget %s", group.job_id, group.id, len(outcomes), budget)
        self._facts.note_engines(group.job_id, self._room.identities())
