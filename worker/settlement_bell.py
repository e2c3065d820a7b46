"""Tells those whose reservation was denied when money may be free again. For one event loop."""

import asyncio


class Listening:
    """A point in time: what is settled after it can be waited for."""

    def __init__(self, bell: "SettlementBell") -> None:
        self._bell = bell
        self._settlements = bell.settlements

    async def wait_unless_idle(self) -> bool:
        """True once a batch was settled since; False when none was and none is open, so that waiting is in vain."""
        async with self._bell.changed:
            await self._bell.changed.wait_for(self._is_over)
        return self._bell.settlements > self._settlements

    def _is_over(self) -> bool:
        return self._bell.settlements > self._settlements or self._bell.open_batches == 0


class SettlementBell:
    """Counts batches in flight and settled."""

    def __init__(self) -> None:
        self.changed = asyncio.Condition()
        self.open_batches = 0
        self.settlements = 0

    def listen(self) -> Listening:
        """Remember this moment; call it before asking for money, so that no settlement in between is missed."""
        return Listening(self)

    def open(self) -> None:
        """A batch holds money from now on."""
        self.open_batches += 1

    async def close(self) -> None:
        """A batch gave back what it did not need."""
        self.open_batches -= 1
        self.settlements += 1
        async with self.changed:
            self.changed.notify_all()
