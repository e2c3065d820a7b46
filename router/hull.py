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
    before: Numbers  # (segments,) the strategy upgraded from
    strategy: Numbers  # (segments,) the strategy upgraded to
    extra_cost: Floats  # (segments,) > 0
    gain: Floats  # (segments,) > 0, weighted accuracy
    slope: Floats  # (segments,) gain / extra cost

    def select(self, chosen: slice | Indices) -> "Segments":
        """Some of them."""
        return Segments(
            self.task[chosen],
            self.before[chosen],
            self.strategy[chosen],
            self.extra_cost[chosen],
            self.gain[chosen],
            self.slope[chosen],
        )

    def first(self, count: int) -> "Segments":
        """A copy of the first so many."""
        return Segments(
            self.task[:count].copy(),
            self.before[:count].copy(),
            self.strategy[:count].copy(),
            self.extra_cost[:count].copy(),
            self.gain[:count].copy(),
            self.slope[:count].copy(),
        )

    @staticmethod
    def make(count: int) -> "Segments":
        """Room for so many."""
        task, before, strategy = (np.empty(count, np.int32) for _ in range(3))
        return Segments(task, before, strategy, np.empty(count), np.empty(count), np.empty(count))


def trace_segments(instance: Instance, start: Indices, *, low: float = 0.0, high: float = np.inf) -> Segments:
    """The segments with slopes of at least `low`, from each task's best strategy at the price `high` on."""
    pieces = map_blocks(lambda block: trace_block(block, start, low=low, high=high), instance) or [Segments.make(0)]
    if len(pieces) == 1:
        return pieces[0]
    task, before, strategy, *columns = (np.concatenate(column) for column in zip(*pieces, strict=True))
    return Segments(task, before, strategy, *columns)


def trace_block(block: Block, start: Indices, *, low: float = 0.0, high: float = np.inf) -> Segments:
    """The segments of one block's tasks."""
    found = Segments.make(block.value.size)
    return found.first(_trace(block, start, low, high, found))


def order_steepest(slope: Floats) -> Indices:
    """The order of descending slopes; equal ones, and those equal in all digits that fit a key, as they come.

    Keys of 64 bits hold the slope's distance from the steepest in units of last digits, as far as it fits beside the
    index: sorting them takes a tenth of the time of sorting indices by slope.
    """
    if not len(slope):
        return np.zeros(0, dtype=np.int64)
    digits = slope.view(np.uint64)  # of positive floats these ascend with them
    distance = digits.max() - digits
    index_bits = max((len(slope) - 1).bit_length(), 1)
    dropped = max(int(distance.max()).bit_length() + index_bits - 64, 0)
    _add_index(distance, dropped, index_bits)
    distance.sort()
    distance &= np.uint64((1 << index_bits) - 1)
    order: Indices = distance.view(np.int64)
    return order


@compiled
def _add_index(keys: NDArray[np.uint64], dropped: int, index_bits: int) -> None:
    """Each key without its last digits and followed by its index."""
    for index in range(len(keys)):
        keys[index] = (keys[index] >> np.uint64(dropped)) << np.uint64(index_bits) | np.uint64(index)


@compiled
def _trace(block: Block, start: Indices, low: float, high: float, out: Segments) -> int:
    """Gift wrapping: from where a task stands, the next hull vertex is the cell seen at the steepest slope."""
    count = 0
    tasks, strategies = block.value.shape
    column, cost, value = np.empty(strategies, np.int32), np.empty(strategies), np.empty(strategies)
    for task in range(tasks):
        at = block.first_task + task
        here = start[at]
        here_cost, here_value, left = block.cost[task, here], block.value[task, here], 0
        for strategy in range(strategies):
            v, c = block.value[task, strategy], block.cost[task, strategy]
            # Written in any case and counted only if it may be a vertex: a branch could not be predicted.
            column[left], cost[left], value[left] = strategy, c, v
            left += (here_value < v) & (v <= LARGEST) & (here_cost < c) & (c <= LARGEST)
        steepest_before = high
        while left:
            best, slope = _find_steepest(cost, value, left, here_cost, here_value)
            if not slope > 0 or slope < low:
                break
            # A hull bends down; rounding must not bend it up, or a prefix could take a task's second segment alone.
            steepest_before = min(slope, steepest_before)
            out.task[count], out.before[count], out.strategy[count] = at, here, column[best]
            out.slope[count] = steepest_before
            out.extra_cost[count], out.gain[count] = cost[best] - here_cost, value[best] - here_value
            count += 1
            here, here_cost, here_value = column[best], cost[best], value[best]
            kept = 0
            for other in range(left):
                c, v = cost[other], value[other]
                column[kept], cost[kept], value[kept] = column[other], c, v
                kept += (c > here_cost) & (v > here_value)
            left = kept
    return count


@compiled
def _find_steepest(cost: Floats, value: Floats, count: int, here_cost: float, here_value: float) -> tuple[int, float]:
    """The cell at the steepest slope and the slope; of cells on one line, but for rounding, the dearest."""
    best, slope = 0, 0.0
    for other in range(count):
        gain, extra_cost = value[other] - here_value, cost[other] - here_cost
        lead = gain - slope * extra_cost
        rounding = 2.0**-51 * (abs(value[other]) + abs(here_value))
        if lead > rounding or (lead >= -rounding and cost[other] > cost[best]):
            best, slope = other, gain / extra_cost
    return best, slope
