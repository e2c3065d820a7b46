"""Upgrades that many tasks share and that lose nothing at the shadow price: room is used in multiples of them."""

import math
from typing import NamedTuple

import numpy as np

from router.hull import Numbers, Segments
from router.instance import Indices

LEAST_COPIES = 64  # tasks to upgrade, and as many to take back, from which on steps count as free
WINDOW = 1 << 14  # segments around the break that are looked at


class FreeSteps(NamedTuple):
    """Upgrades alike in cost and gain to the one that the budget breaks at."""

    cost: float
    gain: float
    up: Segments  # those that may be taken
    down: Segments  # those that may be given back


NONE_FREE = FreeSteps(math.inf, 0.0, *[Segments.make(0)] * 2)


def find_free_steps(segments: Segments, taken: int, strategy: Indices) -> FreeSteps:
    """The upgrades like the first one not taken, of sorted segments; none where there are only few.

    Without them a dynamic programme over tasks that are all alike would count the ways to trade one for another.
    """
    window = slice(max(taken - WINDOW, 0), taken + WINDOW)
    cost, gain = float(segments.extra_cost[taken]), float(segments.gain[taken])
    alike = (segments.extra_cost[window] == cost) & (segments.gain[window] == gain)
    if np.count_nonzero(alike) < 2 * LEAST_COPIES:
        return NONE_FREE
    near = segments.select(window)
    up = near.select(np.flatnonzero(alike & (strategy[near.task] == near.before)))
    down = near.select(np.flatnonzero(alike & (strategy[near.task] == near.strategy)))
    if min(len(up.task), len(down.task)) < LEAST_COPIES:
        return NONE_FREE
    return FreeSteps(cost, gain, up, down)


class Moves(NamedTuple):
    """Tasks and their new strategies."""

    task: Numbers
    strategy: Numbers


def use_free_steps(steps: FreeSteps, room: float, changed: Indices) -> Moves | None:
    """As many steps as fill the room, negative room too, of tasks that are not changed; None where they run out."""
    count = math.floor(room / steps.cost)
    pool = steps.up if count > 0 else steps.down
    free = np.flatnonzero(~np.isin(pool.task, changed))[: abs(count)]
    if len(free) < abs(count):
        return None
    return Moves(pool.task[free], (pool.strategy if count > 0 else pool.before)[free])
