"""The router's side of a process: keeps just enough of each job routed that engines never wait."""

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from math import ceil, inf

from sqlalchemy import Engine as Database

from db.errors import StaleFence
from db.jobs import Job
from db.session import session_scope
from db.unstarted import count_unstarted, count_unstarted_by_engine
from worker.engine_loads import read_job_time
from worker.routing import Routed, RoutedJob, open_routing, route_next_window
from worker.settings import Settings

logger = logging.getLogger(__name__)

WINDOW_SECONDS = 0.5  # of work, where engines are so fast that a window of the usual size lasts less
LARGEST_WINDOW = 50_000
# In a job with a deadline, where what engines can do is to be known soon, and followed: a part of the usual size, but
# some times what is routed ahead, so that each engine's part of it fills the engine.
DUE_PART = 4
DUE_AHEAD = 8
COMMITTED_SHARE = 0.25  # of the time left: an engine that slows down has what waits for it already to do
GROUP_SECONDS = 0.1
LARGEST_GROUP = 5_000
LARGEST_SHARE = 0.01  # of its job that a group may be: a lost worker may have done all of it in vain


class RouterDesk:
    """Routes the windows of jobs; a later window is priced on more settlements, so none is routed too early."""

    def __init__(self, database: Database, *, settings: Settings, owner: str, is_draining: Callable[[], bool]) -> None:
        self._database = database
        self._settings = settings
        self._owner = owner
        self._is_draining = is_draining
        self._opened: dict[int, RoutedJob] = {}
        self.routing_seconds = 0.0

    def route_job(self, job: Job, *, ahead: int, rate: float | None = None) -> int:
        """How many windows were routed until `ahead` answers wait to be started, or nothing is left to route.

        `rate` is how many are started in a second, where that is measured: fast engines get larger windows and groups,
        so that what a window and a group cost is shared by more tasks. Then no more than `ahead` are routed before it
        is measured again, however fast they are taken; a job that comes before this one may have come by then, too.
        """
        most = inf if rate is None else ahead
        windows = tasks = 0
        settings = _fit(self._settings, job=job, ahead=ahead, rate=rate or 0.0)
        while tasks < most and not self._is_draining() and self._is_short(job, ahead=ahead):
            started = time.monotonic()
            try:
                routed = self._route_one(job, settings)
            except StaleFence:  # we were slower than the window's lease, and another router has it
                continue
            if routed is None:
                break
            windows += 1
            tasks += routed.tasks
            self.routing_seconds += time.monotonic() - started
            logger.info(
                "job %d window %d: %d tasks in %d groups, %d beyond the budget",
                job.id,
                routed.window_id,
                routed.tasks,
                routed.groups,
                routed.unserved,
            )
        return windows

    def close_all_but(self, job_ids: set[int]) -> None:
        """Forget the predictions of every other job."""
        for job_id in self._opened.keys() - job_ids:
            del self._opened[job_id]

    def _route_one(self, job: Job, settings: Settings) -> Routed | None:
        opened = self._opened.get(job.id)
        if opened is None or not opened.predictions.are_current():
            opened = self._opened[job.id] = open_routing(self._database, job=job)
        return route_next_window(self._database, routed=opened, owner=self._owner, settings=settings)

    def _is_short(self, job: Job, *, ahead: int) -> bool:
        """Whether engines will soon have nothing to start.

        Under a deadline one of them is enough, as long as none has so much to do that it could not be taken back.
        """
        with session_scope(self._database) as session:
            if count_unstarted(session, job_id=job.id) < ahead:
                return True
            if job.deadline is None:
                return False
            by_engine = count_unstarted_by_engine(session, job_id=job.id)  # of none, where all of a window was refused
            if min(by_engine.values(), default=ahead) >= ahead:
                return False
        time = read_job_time(self._database, job=job)
        return time is not None and time.find_longest_queue() < COMMITTED_SHARE * time.seconds_left


def _fit(settings: Settings, *, job: Job, ahead: int, rate: float) -> Settings:
    """The settings with windows and groups that last as long as they should."""
    window = settings.window_size(job.task_count)
    if job.deadline is not None:
        window = max(-(-window // DUE_PART), min(window, DUE_AHEAD * ahead))
    window = min(LARGEST_WINDOW, max(window, int(WINDOW_SECONDS * rate)))
    group = min(LARGEST_GROUP, ceil(GROUP_SECONDS * rate), int(LARGEST_SHARE * job.task_count))
    return replace(settings, window_tasks=window, group_tasks=max(settings.group_tasks, group))
