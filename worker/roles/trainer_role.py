"""The trainer role: fits predictors when somebody asked for it, and when enough is new."""

import asyncio
import time
from collections.abc import Callable

from worker.bootstrap import Workshop
from worker.queues import TRAINER
from worker.training_turn import LOOK_SECONDS, look_around, train_next


class TrainerRole:
    """Trains until it is drained."""

    queue = TRAINER
    pause_seconds = 2.0

    def __init__(
        self, *, workshop: Workshop, is_draining: Callable[[], bool], now: Callable[[], float] = time.monotonic
    ) -> None:
        self._workshop = workshop
        self._is_draining = is_draining
        self._now = now
        self._look_at = now()

    async def open(self) -> None:
        """Nothing has to be made ready."""

    async def step(self) -> bool:
        """One training, if one was asked for or is due."""
        if self._is_draining():
            return False
        return await asyncio.to_thread(self._take_turn)

    def has_finished(self) -> bool:
        """A step is a whole training."""
        return True

    async def close(self) -> None:
        """Nothing is held."""

    def _take_turn(self) -> bool:
        if self._now() >= self._look_at:
            self._look_at = self._now() + LOOK_SECONDS
            look_around(self._workshop)
        return train_next(self._workshop)
