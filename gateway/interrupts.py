"""Ctrl-C once: let what has started finish. Twice: stop at once."""

import signal
from collections.abc import Callable
from enum import Enum
from types import FrameType
from typing import Any, Self


class Interruption(Enum):
    """How the person at the terminal wants the job to end."""

    NONE = "none"  # not at all: go on
    DRAIN = "drain"  # start nothing new, finish and settle what has started
    ABORT = "abort"  # stop now; started work is charged when the job goes on


class Interrupts:
    """Turns signals into two callbacks, each called once, while the `with` block lasts.

    SIGINT drains, then aborts; SIGTERM drains. A third SIGINT gets what was there before: usually KeyboardInterrupt.
    The callbacks run in the main thread between two bytecodes, so they should only set something.
    """

    def __init__(self, *, on_drain: Callable[[], None], on_abort: Callable[[], None]) -> None:
        self.state = Interruption.NONE
        self._on_drain = on_drain
        self._on_abort = on_abort
        self._previous: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._previous[number] = signal.signal(number, self._receive)
        return self

    def __exit__(self, *_error: object) -> None:
        for number, previous in self._previous.items():
            signal.signal(number, previous)

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        if self.state is Interruption.NONE:
            self.state = Interruption.DRAIN
            self._on_drain()
        elif self.state is Interruption.DRAIN and number == signal.SIGINT:
            self.state = Interruption.ABORT
            signal.signal(signal.SIGINT, self._previous[signal.SIGINT])
            self._on_abort()
