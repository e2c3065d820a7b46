"""How a run of a group ended."""

from enum import StrEnum


class GroupEnd(StrEnum):
    """The reason why a worker is done with a group."""

    FINISHED = "finished"  # every task has an outcome, or went back because its reservation was denied
    HANDED_BACK = "handed back"  # we are draining: the rest is ready for another worker
    LOST = "lost"  # the lease is somebody else's
    STALLED = "stalled"  # the engine finished nothing for too long, so the lease was let go
    LEFT_ALONE = "left alone"  # its strategy keeps failing: the rest is ready, and is routed to others
    HALTED = "halted"  # its job was paused or cancelled
    ENGINE_DIED = "engine died"  # the rest is ready again; the engine must be restarted first
