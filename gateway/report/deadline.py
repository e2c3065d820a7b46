"""What a deadline makes of a job, in words."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

MINUTE = 60.0
LATE = 1.005  # times the time left: what is less would read as 1.00
LEAST_GAIN = 0.05  # right answers a minute: under this an engine is as good as free


def say_deadline(deadline: datetime, engine_time: Mapping[str, Any] | None) -> str:
    """The deadline, and how the latest window was planned for it; None where no window was."""
    due = f"{deadline.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    if engine_time is None:
        return due
    if engine_time["stretch"] >= LATE:
        return f"{due}: will be missed, the work takes {engine_time['stretch']:.2f} times the time left"
    gains = {name: MINUTE * price for name, price in engine_time["second_price"].items()}
    full = [
        f"{name} is full, a minute more of it would gain {gain:.1f} right answers"
        for name, gain in sorted(gains.items(), key=lambda item: -item[1])
        if gain >= LEAST_GAIN
    ]
    return f"{due}: {'; '.join(full)}" if full else f"{due}: no engine is short of time"
