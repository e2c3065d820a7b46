"""What an engine is at."""

from typing import NamedTuple


class EngineLoad(NamedTuple):
    """How busy an engine is. None: it does not say."""

    places: int  # requests of ours that it should have at a time, for full throughput and no more
    running: int | None = None  # requests it works on, whoever sent them
    waiting: int | None = None  # requests it has and does not work on yet, whoever sent them
    kv_cache_share: float | None = None  # of the memory for keys and values that is in use
