"""The router role: routes windows of every open job, in the order of their priorities."""

import asyncio
import time
from collections.abc import Callable

from sqlalchemy import Engine as Database

from db.open_work import RoutableJob, list_routable_jobs, list_waiting_engines
from db.session import session_scope
from router.warm_up import compile_kernels
from worker.owner import name_owner
from worker.queues import ROUTER, engine_queue
from worker.router_desk import RouterDesk
from worker.settings import Settings

AHEAD_SECONDS = 2.0  # of work that is routed before it is started: enough that no engine waits


class RouterRole:
    """Routes until it is drained."""

    queue = ROUTER
    pause_seconds = 0.5

    def __init__(
        self, *, database: Database, settings: Settings, is_draining: Callable[[], bool], ring: Callable[[str], None]
    ) -> None:
        self._database = database
        self._settings = settings
        self._ring = ring
        self._is_draining = is_draining
        self._desk = RouterDesk(database, settings=settings, owner=name_owner(), is_draining=is_draining)
        self._paces: dict[int, Pace] = {}

    async def open(self) -> None:
        """Compile now: the first time it takes many seconds, in which a claimed window's lease would end."""
        await asyncio.to_thread(compile_kernels)

    async def step(self) -> bool:
        """Route what engines will need soon."""
        if self._is_draining():
            return False
        return await asyncio.to_thread(self._route_all)

    def has_finished(self) -> bool:
        """A window is never left half routed."""
        return True

    async def close(self) -> None:
        """Nothing is held."""

    def _route_all(self) -> bool:
        jobs = self._list_due()
        self._desk.close_all_but({due.job.id for due in jobs})
        windows = 0
        for due in jobs:
            pace = self._paces.setdefault(due.job.id, Pace(due.started))
            rate = pace.measure(due.started)
            ahead = max(4 * self._settings.batch_tasks, int(AHEAD_SECONDS * rate))
            windows += self._desk.route_job(due.job, ahead=ahead, rate=rate)
        if windows:
            for engine in self._list_engines():
                self._ring(engine_queue(engine))
        return windows > 0

    def _list_due(self) -> list[RoutableJob]:
        """Small jobs that share a budget wait for one another, so that they are priced together."""
        with session_scope(self._database) as session:
            jobs = list_routable_jobs(session)
        self._paces = {due.job.id: pace for due in jobs if (pace := self._paces.get(due.job.id))}
        return [due for due in jobs if not self._is_early(due)]

    def _is_early(self, due: RoutableJob) -> bool:
        size = self._settings.window_size(due.budget_unrouted)
        young = due.budget_waiting_seconds < self._settings.window_age_seconds
        return due.shares_budget and young and due.budget_unrouted < size

    def _list_engines(self) -> list[str]:
        with session_scope(self._database) as session:
            return list_waiting_engines(session)


class Pace:
    """How many answers of a job are started in a second, lately."""

    def __init__(self, started: int) -> None:
        self._started = started
        self._since = time.monotonic()
        self._rate = 0.0

    def measure(self, started: int) -> float:
        """The rate, as far as the count at this moment tells."""
        now = time.monotonic()
        if now - self._since >= 0.1 and started > self._started:
            rate = (started - self._started) / (now - self._since)
            self._rate = rate if self._rate == 0 else (self._rate + rate) / 2
            self._started, self._since = started, now
        return self._rate
