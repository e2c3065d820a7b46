"""What every role of a worker fulfils."""

from typing import Protocol


class Role(Protocol):
    """One thing that a worker process is for, done step by step on an event loop of its own."""

    queue: str  # that wakes it
    pause_seconds: float  # at most this long without being rung, it looks for itself

    async def open(self) -> None:
        """Make ready; an error ends the worker."""

    async def step(self) -> bool:
        """Do what there is to do now; True to be called again at once."""

    def has_finished(self) -> bool:
        """Whether nothing is under way any more, once the worker drains."""

    async def close(self) -> None:
        """Let go of everything; called whatever happened."""
