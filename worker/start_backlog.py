"""Tasks of claimed groups that wait to be started: what a worker claims too early, no other one can run."""

from collections.abc import Callable


class StartBacklog:
    """Counts those of one engine. For one event loop."""

    def __init__(self, *, enough: Callable[[], int], on_low: Callable[[], None]) -> None:
        self._enough = enough
        self._on_low = on_low
        self._tasks: dict[int, int] = {}  # by group

    @property
    def is_low(self) -> bool:
        """Whether another group is to be claimed, so that the engine does not wait for tasks."""
        return sum(self._tasks.values()) < self._enough()

    def note(self, group_id: int, tasks: int) -> None:
        """So many tasks of this group could be started at once, were there slots."""
        was_low = self.is_low
        self._tasks[group_id] = tasks
        if self.is_low and not was_low:
            self._on_low()

    def drop(self, group_id: int) -> None:
        """The group has ended."""
        self._tasks.pop(group_id, None)
        self._on_low()
