"""Tasks that were with an engine when their worker was lost: one of them may have been the reason."""

from collections.abc import Sequence

from worker.attempt import MAX_LOST_WORKERS, Assigned


def count_together(waiting: Sequence[Assigned], *, most: int) -> int:
    """How many of the first tasks go to the engine in one batch: one that has its last try goes alone."""
    if is_last_try(waiting[0]):
        return 1
    last_tries = (place for place, assigned in enumerate(waiting[:most]) if is_last_try(assigned))
    return next(last_tries, min(most, len(waiting)))


def is_last_try(assigned: Assigned) -> bool:
    """Whether the task will not be tried again when its worker is lost once more."""
    return assigned.lost_workers >= MAX_LOST_WORKERS - 1
