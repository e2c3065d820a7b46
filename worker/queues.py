"""The queues of the distributed mode: one for each thing a worker can be for, and one for each engine."""

ROUTER = "router"
RECONCILER = "reconciler"
TRAINER = "trainer"
ENGINE_PREFIX = "engine."


def engine_queue(engine: str) -> str:
    """The queue of the workers that serve this engine of the strategy files."""
    return f"{ENGINE_PREFIX}{engine}"


def engine_of(queue: str) -> str | None:
    """The engine that a queue is for; None for another queue."""
    return queue.removeprefix(ENGINE_PREFIX) if queue.startswith(ENGINE_PREFIX) else None
