"""A first use of the room that the steepest segments leave."""

from typing import NamedTuple

import numpy as np

from router.compiled import compiled
from router.hull import Numbers, Segments
from router.instance import Floats, Indices

LOOKAHEAD = 4_096  # segments looked at; those further down gain little


class Filling(NamedTuple):
    """Segments to take beyond the steepest ones."""

    segments: Indices  # (taken,) ascending
    gain: float


def fill_room(segments: Segments, taken: int, room: float, *, tasks: int) -> Filling:
    """The next segments that fit, passing over those too dear; the segments are sorted, steepest first.

    Without it one dear segment at the break would leave much of the budget unused, and the exact closure with a core
    of nearly everything.
    """
    near = slice(taken, taken + LOOKAHEAD)
    fitting, gain = _pick_fitting(segments.task[near], segments.extra_cost[near], segments.gain[near], room, tasks)
    return Filling(taken + fitting, gain)


@compiled
def _pick_fitting(task: Numbers, extra_cost: Floats, gain: Floats, room: float, tasks: int) -> tuple[Indices, float]:
    blocked = np.zeros(tasks, np.bool_)
    fitting, count, gained = np.empty(len(task), np.int64), 0, 0.0
    for segment in range(len(task)):
        if blocked[task[segment]] or extra_cost[segment] > room:
            blocked[task[segment]] = True
            continue
        fitting[count] = segment
        count += 1
        room -= extra_cost[segment]
        gained += gain[segment]
    return fitting[:count], gained
