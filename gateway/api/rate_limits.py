"""How many requests a key may make: a bucket for each, refilled evenly."""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from db.api_keys import ApiKey
from gateway.api.errors import TooManyRequests


@dataclass(kw_only=True)
class _Bucket:
    """What is left, as of a moment of the clock."""

    left: float
    at: float


class RateLimits:
    """Of this process; several servers each let the whole rate through."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[str, _Bucket] = {}

    def admit(self, key: ApiKey) -> None:
        """Count a request; TooManyRequests when the key has made its share of the last minute."""
        limit = key.requests_per_minute
        if limit is None:
            return
        with self._lock:
            bucket = self._refill(key.id, limit)
            if bucket.left >= 1:
                bucket.left -= 1
                return
            wait_seconds = math.ceil((1 - bucket.left) * 60 / limit)
        raise TooManyRequests(
            f"this key makes more than {limit} requests a minute; try again in {wait_seconds} s",
            retry_after_seconds=wait_seconds,
        )

    def _refill(self, key_id: str, limit: int) -> _Bucket:
        now = self._clock()
        bucket = self._buckets.setdefault(key_id, _Bucket(left=limit, at=now))
        bucket.left = min(limit, bucket.left + (now - bucket.at) * limit / 60)
        bucket.at = now
        return bucket
