"""Whether an engine that was asked gets anything done, or is gone."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from worker.engines.errors import EngineDied


class EngineActivity:
    """Written from the event loop that asks, read from any thread."""

    def __init__(self) -> None:
        self._open_requests = 0
        self._moved_at = time.monotonic()  # last answer, or first request after a time without any
        self._answered_at = float("-inf")
        self._death: EngineDied | None = None

    @contextmanager
    def asking(self) -> Iterator[None]:
        """A request is open as long as the block lasts."""
        if self._open_requests == 0:
            self._moved_at = time.monotonic()
        self._open_requests += 1
        try:
            yield
        except EngineDied as death:
            self._death = death
            raise
        finally:
            self._open_requests -= 1

    def note_answer(self) -> None:
        """The engine finished something."""
        self._moved_at = self._answered_at = time.monotonic()

    @property
    def is_dead(self) -> bool:
        """Whether a request found the engine gone."""
        return self._death is not None

    def require_life(self) -> None:
        """EngineDied, with the words of whoever found out; what replaces the engine has an activity of its own.

        Whoever is asked of a dead engine counts as lost with it, although it can not have been the reason.
        """
        if self._death is not None:
            raise EngineDied(str(self._death), charged=False)

    def answered_since(self, moment: float) -> bool:
        """Whether it finished anything after this moment of the monotonic clock."""
        return self._answered_at >= moment

    @property
    def idle_seconds(self) -> float:
        """How long it has finished nothing although it was asked; 0 when nobody waits for it."""
        return time.monotonic() - self._moved_at if self._open_requests else 0.0
