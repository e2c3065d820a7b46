"""Keeps the leases of running groups alive, from a thread and a connection of its own."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import SQLAlchemyError

from db.errors import StaleFence
from db.leases import extend_lease
from db.session import session_scope
from worker.database import end_frozen_transactions
from worker.engine_activity import EngineActivity

BEATS = 3  # in the length of a lease
BEATS_OF_THE_BUSY = 30  # as long as a group is written each time, which may be for as long as a lock is waited for


class Held(NamedTuple):
    """A group under the fence it is held with."""

    group_id: int
    fence: int


class Loss(Enum):
    """Why a lease is not kept any longer."""

    TAKEN = "taken"  # it is somebody else's
    STALLED = "stalled"  # the engine finished nothing for too long


@dataclass(frozen=True, kw_only=True, eq=False)
class _Pulse:
    """Whether a group's engine gets something done, and what to do when the lease is lost."""

    activity: EngineActivity
    on_lost: Callable[[Loss], None]


class Heartbeat:
    """Extends every held lease three times in its length, as long as its engine gets something done."""

    def __init__(self, database: Engine, *, lease_seconds: float, stall_seconds: float) -> None:
        # Its own connection: a beat must not queue behind the transactions of busy groups.
        self._database = create_engine(database.url, pool_size=1, pool_pre_ping=True)
        end_frozen_transactions(self._database, after_seconds=lease_seconds)
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
        self._database.dispose()

    def hold(self, held: Held, *, activity: EngineActivity, on_lost: Callable[[Loss], None]) -> None:
        """Keep this lease alive; `on_lost` is called, from the heartbeat's thread, when it is kept no longer."""
        with self._lock:
            self._pulses[held] = _Pulse(activity=activity, on_lost=on_lost)

    def drop(self, held: Held) -> None:
        """Leave this lease alone from now on."""
        with self._lock:
            self._pulses.pop(held, None)

    def _beat_until_stopped(self) -> None:
        pause = self._lease_seconds / BEATS
        while not self._stopped.wait(pause):
            with self._lock:
                pulses = list(self._pulses.items())
            # Who is being written waits for nobody here, and keeps no other lease waiting: it comes again soon.
            busy = [held for held, pulse in pulses if not self._beat(held, pulse)]
            pause = self._lease_seconds / (BEATS_OF_THE_BUSY if busy else BEATS)

    def _beat(self, held: Held, pulse: _Pulse) -> bool:
        """Whether that is all for now; False for a group that is being written at this moment."""
        if pulse.activity.idle_seconds > self._stall_seconds:
            self._lose(held, pulse, Loss.STALLED)
            return True
        try:
            with session_scope(self._database) as session:
                return extend_lease(
                    session, group_id=held.group_id, fence=held.fence, lease_seconds=self._lease_seconds
                )
        except StaleFence:
            self._lose(held, pulse, Loss.TAKEN)
        except SQLAlchemyError:
            # The database is away: the next beat tries again, and if it stays away the lease ends by itself.
            pass
        return True

    def _lose(self, held: Held, pulse: _Pulse, loss: Loss) -> None:
        with self._lock:
            lost = self._pulses.pop(held, None)
        if lost is not None:  # else the group ended while this beat was on its way
            pulse.on_lost(loss)
