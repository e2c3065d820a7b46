"""A role in a thread with an event loop of its own: Celery's thread goes on answering its broker."""

import asyncio
import logging
import threading
from collections.abc import Callable

from sqlalchemy.exc import DBAPIError

from worker.collector import spare_collector
from worker.database import first_line
from worker.doorbell import LocalDoorbell
from worker.roles.protocol import Role

logger = logging.getLogger(__name__)

SHORTEST_PAUSE_SECONDS = 0.2  # after an error of the database; doubled while it stays away
LONGEST_PAUSE_SECONDS = 1.0


class RoleThread:
    """Runs a role until it is drained, through outages of the database."""

    def __init__(
        self, make_role: Callable[[Callable[[], bool]], Role], *, queue: str, on_failed: Callable[[], None]
    ) -> None:
        self._make_role = make_role
        self._queue = queue
        self._on_failed = on_failed
        self._draining = threading.Event()
        self._bell: LocalDoorbell | None = None
        self._thread = threading.Thread(target=self._run, name=queue, daemon=True)
        self.failure: BaseException | None = None

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Look for work now."""
        if (bell := self._bell) is not None:
            bell.ring()

    def drain(self) -> None:
        """Finish what is under way, start nothing."""
        self._draining.set()
        self.wake()

    def join(self, *, timeout_seconds: float) -> bool:
        """Whether it has ended within this time."""
        self._thread.join(timeout_seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            asyncio.run(self._work())
        except BaseException as error:
            logger.exception("%s: this worker can not go on", self._queue)
            self.failure = error
            self._on_failed()

    async def _work(self) -> None:
        self._bell = LocalDoorbell(asyncio.get_running_loop())
        role = self._make_role(self._draining.is_set)
        try:
            await role.open()
            spare_collector()
            logger.info("%s: ready", self._queue)
            await self._step_until_drained(role, self._bell)
        finally:
            self._bell = None  # whoever rings a role that has ended would find its loop closed
            await role.close()

    async def _step_until_drained(self, role: Role, bell: LocalDoorbell) -> None:
        pause = SHORTEST_PAUSE_SECONDS
        while not (self._draining.is_set() and role.has_finished()):
            try:
                again = await role.step()
            except DBAPIError as error:
                logger.warning("%s: the database can not be used now: %s", self._queue, first_line(error))
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
                continue
            pause = SHORTEST_PAUSE_SECONDS
            if not again:
                await bell.wait(timeout_seconds=role.pause_seconds)
