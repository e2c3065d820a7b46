"""Rings queues from a thread of its own: whoever made work must not wait for a broker that is away."""

import logging
import threading
from collections.abc import Callable

logger = logging.getLogger(__name__)

REST_SECONDS = 0.05  # after rings: those that come meanwhile are one. A message costs its sender and receiver 1 ms each


class Ringer:
    """Sends rings in the background; many rings of a queue that could not be sent yet are one."""

    def __init__(self, send: Callable[[str], None]) -> None:
        self._send = send
        self._changed = threading.Condition()
        self._wanted: set[str] = set()
        self._stopped = False
        self._failed = False
        self._thread = threading.Thread(target=self._ring_until_stopped, name="ringer", daemon=True)

    def __enter__(self) -> "Ringer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify()
        self._thread.join(timeout=5.0)  # longer only if a broker neither answers nor refuses

    def ring(self, queue: str) -> None:
        """Wake a worker of this queue; call it after the commit that made work."""
        with self._changed:
            self._wanted.add(queue)
            self._changed.notify()

    def _ring_until_stopped(self) -> None:
        while queues := self._take():
            for queue in queues:
                self._ring_one(queue)
            self._rest()

    def _take(self) -> set[str]:
        """The queues to ring; none once it is stopped and nothing is left."""
        with self._changed:
            self._changed.wait_for(lambda: self._wanted or self._stopped)
            queues, self._wanted = self._wanted, set()
            return queues

    def _rest(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._stopped, timeout=REST_SECONDS)

    def _ring_one(self, queue: str) -> None:
        try:
            self._send(queue)
        except Exception as error:  # whatever the broker's library raises: the ring is lost, and nothing else
            if not self._failed:
                logger.warning("queue %s: the broker can not be reached, workers look for themselves: %s", queue, error)
            self._failed = True
        else:
            self._failed = False
