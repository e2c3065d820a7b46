"""Work on many tasks, a block at a time, on all the processors there are."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from router.instance import Block, Instance

Result = TypeVar("Result")

MOST_THREADS = 8
CELLS_WORTH_A_THREAD = 200_000


def map_blocks(function: Callable[[Block], Result], instance: Instance) -> list[Result]:
    """What the function gives for each block, in the order of the blocks.

    The blocks depend on the shape alone, so whatever is put together in their order does not depend on the threads.
    """
    if instance.whole is not None:  # asking for the processors there are would take longer than the work
        return [function(instance.whole)]
    slices = list(instance.slices())
    threads = min(_count_processors(), MOST_THREADS, len(slices), 1 + instance.cells // CELLS_WORTH_A_THREAD)
    if threads <= 1:
        return [function(block) for block in instance.blocks()]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda tasks: function(instance.read(tasks)), slices))


def _count_processors() -> int:
    """Processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
