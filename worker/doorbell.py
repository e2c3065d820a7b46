"""Doorbells only wake: what there is to do stands in the database."""

import asyncio
from typing import Protocol


class Doorbell(Protocol):
    """Wakes whoever may find work; losing a ring costs time, never a task."""

    def ring(self) -> None:
        """Call after the commit that made work, from any thread."""

    async def wait(self, *, timeout_seconds: float) -> None:
        """Return when rung, or after the timeout: a sweep must not depend on a bell."""


class LocalDoorbell:
    """The doorbell of one process: it wakes the dispatcher's event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wake the loop."""
        self._loop.call_soon_threadsafe(self._rung.set)

    async def wait(self, *, timeout_seconds: float) -> None:
        """One wait answers any number of rings."""
        try:
            await asyncio.wait_for(self._rung.wait(), timeout_seconds)
        except TimeoutError:
            return
        finally:
            self._rung.clear()
