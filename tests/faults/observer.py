"""Watches a database from outside while it is under fire: the cap at every look, and when work goes on."""

import threading
import time
from dataclasses import dataclass

import psycopg

LOOK_SECONDS = 0.02

_LOOK = b"""
    SELECT (SELECT coalesce(max(spent + burned + reserved - cap), 0) FROM budget),
           (SELECT coalesce(max(spent + burned + reserved), 0) FROM budget),
           (SELECT coalesce(sum(settled), 0)::int FROM grp)
"""


@dataclass(frozen=True, kw_only=True)
class Look:
    """What stood in the database at a moment of the monotonic clock."""

    at: float
    excess: int  # of what is spent, burned or reserved over a cap; the worst budget's
    committed: int
    settled: int  # tasks


class Observer:
    """Looks again and again, over a connection of its own; a server that is away is looked for again."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._look_until_stopped, name="observer")
        self.looks: list[Look] = []

    def __enter__(self) -> "Observer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    @property
    def settled(self) -> int:
        """How many tasks were settled when it looked last."""
        return self.looks[-1].settled if self.looks else 0

    @property
    def worst_excess(self) -> int:
        """The most by which a budget was ever seen above its cap; never more than 0."""
        return max((look.excess for look in self.looks), default=0)

    def seconds_until_progress(self, since: float) -> float | None:
        """How long after this moment the next task was settled; None when none was."""
        before = max((look.settled for look in self.looks if look.at <= since), default=0)
        return next((look.at - since for look in self.looks if look.at > since and look.settled > before), None)

    def _look_until_stopped(self) -> None:
        while not self._stopped.is_set():
            try:
                with psycopg.connect(self._url, autocommit=True) as connection:
                    while not self._stopped.wait(LOOK_SECONDS):
                        self._look(connection)
            except psycopg.Error:
                self._stopped.wait(LOOK_SECONDS)

    def _look(self, connection: psycopg.Connection) -> None:
        began = time.monotonic()
        row = connection.execute(_LOOK).fetchone()
        assert row is not None
        self.looks.append(Look(at=began, excess=int(row[0]), committed=int(row[1]), settled=row[2]))
