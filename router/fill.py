"""A first use of the room that the steepest segments leave."""

from typing import NamedTuple

import numpy as np

from router.hull import Segments
from router.instance import Indices

LOOKAHEAD = 4_096  # segments looked at; those further down gain little


class Changes(NamedTuple):
    """Strategies to change to, in this order (a later change of the same task replaces an earlier one)."""

    task: Indices  # (changes,)
    strategy: Indices  # (changes,)
    gain: float


def fill_room(segments: Segments, taken: int, room: float) -> Changes:
    """The next segments that fit, passing over those too dear.

    Without it one dear segment at the break would leave much of the budget unused, and the exact closure with a core
    of nearly everything.
    """
    blocked: set[int] = set()
    fitting = []
    near = slice(taken, taken + LOOKAHEAD)
    columns = (segments.task[near], segments.extra_cost[near], segments.gain[near])
    gained = 0.0
    rows = zip(*(column.tolist() for column in columns), strict=True)
    for offset, (task, extra_cost, gain) in enumerate(rows):
        if task in blocked or extra_cost > room:
            blocked.add(task)
            continue
        fitting.append(taken + offset)
        room -= extra_cost
        gained += gain
    made_of = np.array(fitting, dtype=np.int64)
    return Changes(segments.task[made_of], segments.strategy[made_of], gained)
