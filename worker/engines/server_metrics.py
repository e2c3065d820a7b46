"""What vLLM's server says of its load under /metrics, in Prometheus' text format."""

import math
import re
from collections.abc import Iterator
from typing import NamedTuple

RUNNING, WAITING = "vllm:num_requests_running", "vllm:num_requests_waiting"
CACHE_SHARES = ("vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc")  # the second until vLLM 0.10
# A sample: its name, its labels, its value. Values of labels may hold braces within quotes.
SAMPLE = re.compile(r'(vllm:\w+)(?:\{(?:[^"}]|"(?:[^"\\]|\\.)*")*\})? (\S+)')


class ServerLoad(NamedTuple):
    """The load of a server, over all engines behind it."""

    running: int
    waiting: int
    kv_cache_share: float | None  # of the fullest


def read_server_load(text: str) -> ServerLoad | None:
    """The load that these metrics tell; None where they are not vLLM's."""
    samples = list(_list_samples(text))
    running, waiting = ([value for name, value in samples if name == own] for own in (RUNNING, WAITING))
    if not running or not waiting:
        return None
    shares = [value for name, value in samples if name in CACHE_SHARES]
    return ServerLoad(
        running=int(sum(running)), waiting=int(sum(waiting)), kv_cache_share=max(shares) if shares else None
    )


def _list_samples(text: str) -> Iterator[tuple[str, float]]:
    for line in text.splitlines():
        sample = SAMPLE.match(line)
        if sample is None:
            continue
        try:
            value = float(sample[2])
        except ValueError:
            continue
        if math.isfinite(value) and value >= 0.0:
            yield sample[1], value
