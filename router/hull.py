"""The steps worth paying for: each task's upper convex hull in the (cost, accuracy) plane, cut into segments."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from router.blocks import map_blocks
from router.compiled import compiled
from router.instance import LARGEST, Block, Floats, Indices, Instance

Numbers = NDArray[np.int32]


class Segments(NamedTuple):
    """Upgrades of one task from one strategy to the next on its hull; those of one task together, steepest first."""

    task: Numbers  # (segments,)
    strategy: Numbers  # (segments,) the strategy upgraded to
    extra_cost: Floats  # (segments,) > 0
    gain: Floats  # (segments,) > 0, weighted accuracy
    slope: Floats  # (segments,) gain / extra cost

    def select(self, chosen: slice | Indices) -> "Segments":
        """Some of them."""
        return Segments(*(column[chosen] for column in self))


def trace_segments(instance: Instance, start: Indices, *, low: float = 0.0, high: float = np.inf) -> Segments:
    """The segments with slopes of at least `low`, from each task's best strategy at the price `high` on."""

    def trace(block: Block) -> Segments:
        room = block.value.size
        found = Segments(
            np.empty(room, np.int32), np.empty(room, np.int32), np.empty(room), np.empty(room), np.empty(room)
        )
        count = _trace(block.value, block.cost, start[block.tasks], low, high, block.tasks.start, *found)
        return Segments(*(column[:count].copy() for column in found))

    pieces = map_blocks(trace, instance)
    if len(pieces) == 1:
        return pieces[0]
    return Segments(*(np.concatenate(column) for column in zip(*(pieces or [NO_SEGMENTS]), strict=True)))


def order_steepest(slope: Floats) -> Indices:
    """The order of descending slopes; equal ones, and those equal in all digits that fit a key, as they come.

    Keys of 64 bits hold the slope's distance from the steepest in units of last digits, as far as it fits beside the
    index: sorting them takes a tenth of the time of sorting indices by slope.
    """
    count = len(slope)
    if not count:
        return np.zeros(0, dtype=np.int64)
    digits = slope.view(np.uint64)  # of positive floats these ascend with them
    distance = digits.max() - digits
    index_bits = max((count - 1).bit_length(), 1)
    dropped = max(int(distance.max()).bit_length() + index_bits - 64, 0)
    distance >>= np.uint64(dropped)
    distance <<= np.uint64(index_bits)
    distance |= np.arange(count, dtype=np.uint64)
    distance.sort()
    distance &= np.uint64((1 << index_bits) - 1)
    return distance.view(np.int64)


@compiled
def _trace(
    value: Floats,
    cost: Floats,
    start: Indices,
    low: float,
    high: float,
    first_task: int,
    out_task: Numbers,
    out_strategy: Numbers,
    out_cost: Floats,
    out_gain: Floats,
    out_slope: Floats,
) -> int:
    """Gift wrapping: from where a task stands, the next hull vertex is the cell seen at the steepest slope."""
    count = 0
    tasks, strategies = value.shape
    column, dearer, better = np.empty(strategies, np.int32), np.empty(strategies), np.empty(strategies)
    for task in range(tasks):
        here_cost, here_value = cost[task, start[task]], value[task, start[task]]
        left = 0
        for strategy in range(strategies):
            v, c = value[task, strategy], cost[task, strategy]
            if here_value < v <= LARGEST and here_cost < c <= LARGEST:
                column[left], dearer[left], better[left] = strategy, c, v
                left += 1
        steepest_before = high
        while left:
            best, best_slope = -1, 0.0
            for other in range(left):
                slope = (better[other] - here_value) / (dearer[other] - here_cost)
                if slope > best_slope or (slope == best_slope and best >= 0 and dearer[other] < dearer[best]):
                    best, best_slope = other, slope
            if best < 0 or best_slope < low:
                break
            # A hull bends down; rounding must not bend it up, or a prefix could take a task's second segment alone.
            steepest_before = min(best_slope, steepest_before)
            out_task[count], out_strategy[count] = first_task + task, column[best]
            out_cost[count], out_gain[count] = dearer[best] - here_cost, better[best] - here_value
            out_slope[count] = steepest_before
            count += 1
            here_cost, here_value = dearer[best], better[best]
            kept = 0
            for other in range(left):
                if dearer[other] > here_cost and better[other] > here_value:
                    column[kept], dearer[kept], better[kept] = column[other], dearer[other], better[other]
                    kept += 1
            left = kept
    return count


NO_SEGMENTS = Segments(
    np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0), np.zeros(0), np.zeros(0)
)  # of no tasks
