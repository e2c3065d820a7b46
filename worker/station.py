"""A worker process: one thread for each role that its queues name, for as long as Celery runs it."""

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack

from sqlalchemy import Engine as Database
from sqlalchemy.exc import DBAPIError

from db.session import session_scope
from db.workers import drop_worker, note_worker
from worker.owner import name_owner
from worker.ringer import Ringer
from worker.roles.role_thread import RoleThread

logger = logging.getLogger(__name__)

PRESENCE_SECONDS = 2.0


class Station:
    """Starts the roles, wakes them when their queues are rung, and drains them."""

    def __init__(self, database: Database, *, ringer: Ringer, drain_seconds: float) -> None:
        self._database = database
        self._ringer = ringer
        self._drain_seconds = drain_seconds
        self._threads: Mapping[str, RoleThread] = {}
        self._strategy_ids: Sequence[int] = ()
        self._stopped = threading.Event()
        self._presence = threading.Thread(target=self._tell_until_stopped, name="presence", daemon=True)
        self._opened = ExitStack()

    def start(self, roles: Mapping[str, RoleThread], *, strategy_ids: Sequence[int]) -> None:
        """Begin to work: a role for each queue."""
        self._threads, self._strategy_ids = roles, strategy_ids
        self._opened.enter_context(self._ringer)
        for thread in roles.values():
            thread.start()
        self._presence.start()

    def wake(self, queue: str) -> None:
        """Its queue was rung."""
        if (thread := self._threads.get(queue)) is not None:
            thread.wake()

    def drain(self) -> None:
        """Finish what is under way, start nothing."""
        for thread in self._threads.values():
            thread.drain()

    def stop(self) -> bool:
        """Whether everything that was under way is finished or handed back, within the time that is given for it."""
        self.drain()
        end = time.monotonic() + self._drain_seconds
        ended = [thread.join(timeout_seconds=max(0.0, end - time.monotonic())) for thread in self._threads.values()]
        self._stopped.set()
        self._presence.join()
        self._opened.close()
        if not all(ended):
            logger.warning(
                "not finished within %.0f s: what is still with the engine is charged at its worst case and run again",
                self._drain_seconds,
            )
        return all(ended)

    def _tell_until_stopped(self) -> None:
        owner = name_owner()
        while True:
            self._tell(owner)
            if self._stopped.wait(PRESENCE_SECONDS):
                break
        try:
            with session_scope(self._database) as session:
                drop_worker(session, owner=owner)
        except DBAPIError:
            logger.info("%s: the database does not answer, so it is told of no good-bye", owner)

    def _tell(self, owner: str) -> None:
        try:
            with session_scope(self._database) as session:
                note_worker(session, owner=owner, queues=list(self._threads), strategy_ids=self._strategy_ids)
        except DBAPIError:
            logger.debug("%s: the database does not answer", owner)
