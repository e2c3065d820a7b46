"""Lets as many requests through to a server as it takes, and learns from what becomes of them how many that is."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from worker.engines.concurrency_limit import ConcurrencyLimit
from worker.engines.errors import EngineUnavailable

LONGEST_PAUSE_SECONDS = 30.0  # whatever a server asks for: reservations are held all the while
PATIENCE_SHARE = 0.5  # an answer that took this share of the timeout is nearly a lost one, which would be charged


class Turnstile:
    """Requests pass in the order in which they came. Used on one event loop."""

    def __init__(self, *, most: int, timeout_seconds: float) -> None:
        self._limit = ConcurrencyLimit(most=most)
        self._patience_seconds = timeout_seconds * PATIENCE_SHARE
        self._queue: deque[asyncio.Future[None]] = deque()
        self._closed_until = 0.0  # on the loop's clock
        self._slowed_at = 0.0
        self.in_flight = 0

    @property
    def places(self) -> int:
        """How many may be in flight now."""
        return self._limit.places

    @asynccontextmanager
    async def passage(self) -> AsyncIterator[None]:
        """A place for one request, for as long as the block lasts; how it ends says what the server can take."""
        await self._enter()
        entered_at = self._now()
        try:
            yield
        except EngineUnavailable as error:
            self._slow_down(entered_at)
            self._close_for(error.retry_after_seconds or 0.0)
            raise
        else:
            if self._now() - entered_at > self._patience_seconds:
                self._slow_down(entered_at)
            else:
                self._limit = self._limit.after_answer(in_flight=self.in_flight)
        finally:
            self._leave()

    def note_queue(self, waiting: int) -> None:
        """The server says how many requests wait in it."""
        self._limit = self._limit.after_reading(waiting=waiting, in_flight=self.in_flight)
        self._admit()

    async def _enter(self) -> None:
        if not self._queue and self._has_room():
            self.in_flight += 1
            return
        place = asyncio.get_running_loop().create_future()
        self._queue.append(place)
        self._admit()
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():  # cancelled and admitted in the same turn of the loop
                self._leave()
            raise

    def _leave(self) -> None:
        self.in_flight -= 1
        self._admit()

    def _admit(self) -> None:
        while self._queue and self._has_room():
            place = self._queue.popleft()
            if not place.done():
                self.in_flight += 1
                place.set_result(None)

    def _has_room(self) -> bool:
        return self.in_flight < self._limit.places and self._now() >= self._closed_until

    def _slow_down(self, entered_at: float) -> None:
        """Once for all that were in flight together: they met the same server."""
        if entered_at >= self._slowed_at:
            self._slowed_at = self._now()
            self._limit = self._limit.after_overload()

    def _close_for(self, seconds: float) -> None:
        """Let nobody through for a while: the server asked for it, and not this one request's sender alone."""
        pause = min(seconds, LONGEST_PAUSE_SECONDS)
        if pause > 0.0:
            self._closed_until = max(self._closed_until, self._now() + pause)
            asyncio.get_running_loop().call_at(self._closed_until, self._admit)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
