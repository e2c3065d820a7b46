"""A batch's place among those that an engine worker runs at once."""

import asyncio


class Slot:
    """Taken before a batch reserves, given back once: when it has settled, or while it waits for money."""

    def __init__(self, slots: asyncio.Semaphore) -> None:
        self._slots = slots
        self._is_taken = False

    async def take(self) -> None:
        """Wait for a free place."""
        await self._slots.acquire()
        self._is_taken = True

    def give(self) -> None:
        """Free the place, unless it is free already."""
        if self._is_taken:
            self._is_taken = False
            self._slots.release()
