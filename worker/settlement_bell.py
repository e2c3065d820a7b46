"""Tells those whose reservation was denied when money may be free again. For one event loop."""

import asyncio


class Listening:
    """A point in time: what is settled after it can be waited for."""

    def __init__(self, bell: "SettlementBell") -> None:
        self._bell = bell
        self._settlements = bell.settlements

    async def wait_unless_idle(self) -> bool:
        """True once a batch was settled since; False when none was and none is open, so that waiting is in vain."""
        while self._bell.settlements == self._settlements and self._bell.open_batches:
            await self._bell.changed.wait()
        return self._bell.settlements > self._settlements


class SettlementBell:
    """Counts batches that hold money, or are asking for it, and batches settled.

    Nothing here waits, so a batch that is cancelled can not leave before it is counted out.
    """

    def __init__(self) -> None:
        self.changed = asyncio.Event()  # a new one after each change
        self.open_batches = 0
        self.settlements = 0

    def listen(self) -> Listening:
        """Remember this moment; call it before asking for money, so that no settlement in between is missed."""
        return Listening(self)

    def open(self) -> None:
        """A batch asks for money: whoever is denied because of it must not take the house for idle."""
        self.open_batches += 1

    def withdraw(self) -> None:
        """It was denied."""
        self.open_batches -= 1
        self._ring()

    def settle(self) -> None:
        """A batch gave back what it did not need."""
        self.settlements += 1
        self.withdraw()

    def _ring(self) -> None:
        rung, self.changed = self.changed, asyncio.Event()
        rung.set()
