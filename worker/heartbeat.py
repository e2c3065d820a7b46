"""Keeps the leases of running groups alive, from a thread and a connection of its own."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from db.errors import StaleFence
from db.leases import extend_lease
from db.session import session_scope


class Held(NamedTuple):
    """A group under the fence it is held with."""

    group_id: int
    fence: int


@dataclass
class _Pulse:
    """When a group last got something done, and what to do when its lease is lost."""

    on_lost: Callable[[], None]
    progressed_at: float = field(default_factory=time.monotonic)


class Heartbeat:
    """Extends every held lease three times in its length, as long as its engine gets something done."""

    def __init__(self, database: Engine, *, lease_seconds: float, stall_seconds: float) -> None:
        self._database = database
        self._lease_seconds = lease_seconds
        self._stall_seconds = stall_seconds
        self._pulses: dict[Held, _Pulse] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._beat_until_stopped, name="heartbeat", daemon=True)

    def __enter__(self) -> "Heartbeat":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def hold(self, held: Held, *, on_lost: Callable[[], None]) -> None:
        """Keep this lease alive; `on_lost` is called, from the heartbeat's thread, when it is somebody else's."""
        with self._lock:
            self._pulses[held] = _Pulse(on_lost)

    def note_progress(self, held: Held) -> None:
        """The engine finished something of this group."""
        with self._lock:
            if held in self._pulses:
                self._pulses[held].progressed_at = time.monotonic()

    def drop(self, held: Held) -> None:
        """Leave this lease alone from now on."""
        with self._lock:
            self._pulses.pop(held, None)

    def _beat_until_stopped(self) -> None:
        while not self._stopped.wait(self._lease_seconds / 3):
            with self._lock:
                pulses = list(self._pulses.items())
            for held, pulse in pulses:
                self._beat(held, pulse)

    def _beat(self, held: Held, pulse: _Pulse) -> None:
        if time.monotonic() - pulse.progressed_at > self._stall_seconds:
            self._lose(held, pulse)
            return
        try:
            with session_scope(self._database) as session:
                extend_lease(session, group_id=held.group_id, fence=held.fence, lease_seconds=self._lease_seconds)
        except StaleFence:
            self._lose(held, pulse)
        except OperationalError:
            # The database is away: the next beat tries again, and if it stays away the lease ends by itself.
            return

    def _lose(self, held: Held, pulse: _Pulse) -> None:
        with self._lock:
            lost = self._pulses.pop(held, None)
        if lost is not None:  # else the group ended while this beat was on its way
            pulse.on_lost()
