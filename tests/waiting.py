"""Waiting in tests: for a condition, never for a fixed time. Use: `from tests.waiting import wait_until`."""

import time
from collections.abc import Callable


def wait_until(predicate: Callable[[], bool], *, seconds: float = 30.0) -> None:
    """Return when the predicate holds; AssertionError when it does not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not predicate():
        assert time.monotonic() < deadline, f"not true within {seconds:g} s: {predicate}"
        time.sleep(0.01)
