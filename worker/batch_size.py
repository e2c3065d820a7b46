"""How many tasks are reserved, run and settled together: enough that the database keeps up with a fast engine."""

TARGET_SECONDS = 0.1  # of work in a batch: what a worker that is lost at this moment did in vain
LARGEST = 8192


class BatchSize:
    """Grows while batches end sooner than they need to, and shrinks again. For one event loop."""

    def __init__(self, least: int) -> None:
        self._least = least
        self.tasks = least

    def note(self, tasks: int, *, seconds: float) -> None:
        """A batch of this many tasks ran this long, from its first request to its last answer."""
        if seconds > 2 * TARGET_SECONDS:
            self.tasks = max(self._least, self.tasks // 2)
        elif seconds < TARGET_SECONDS / 2 and tasks >= self.tasks:
            self.tasks = min(LARGEST, 2 * self.tasks)
