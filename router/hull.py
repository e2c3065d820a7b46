"""The steps worth paying for: each task's upper convex hull in the (cost, accuracy) plane, cut into segments."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from router.instance import Block, Floats, Indices, Instance


@dataclass(frozen=True, kw_only=True, eq=False)
class Segments:
    """Upgrades of one task from one strategy to the next on its hull, steepest first.

    Taking a prefix of them gives, for some budget, the best allocation of all: they are sorted by slope, and the
    segments of one task keep their order.
    """

    task: Indices  # (segments,)
    strategy: Indices  # (segments,) the strategy upgraded to
    extra_cost: Floats  # (segments,) > 0
    gain: Floats  # (segments,) > 0, weighted accuracy
    slope: Floats  # (segments,) gain / extra cost, descending

    def __len__(self) -> int:
        return len(self.task)

    def choose(self, cheapest: Indices, taken: int) -> Indices:
        """Each task's strategy after the first `taken` segments."""
        choice = cheapest.copy()
        choice[self.task[:taken]] = self.strategy[:taken]  # of several upgrades of a task the last one counts
        return choice


def trace_segments(instance: Instance) -> Segments:
    """All hull segments of all tasks, steepest first; equal slopes in the order of the tasks."""
    pieces = [piece for block in instance.blocks() for piece in _trace_block(block)]
    if not pieces:
        return Segments(**{name: np.zeros(0, dtype=dtype) for name, dtype in _DTYPES.items()})
    columns = {name: np.concatenate([piece[name] for piece in pieces]) for name in _DTYPES}
    steepest_first = np.argsort(-columns["slope"], kind="stable")
    return Segments(**{name: column[steepest_first] for name, column in columns.items()})


_DTYPES: dict[str, type] = {
    "task": np.int64,
    "strategy": np.int64,
    "extra_cost": np.float64,
    "gain": np.float64,
    "slope": np.float64,
}


def _trace_block(block: Block) -> list[dict[str, NDArray[Any]]]:
    """The block's segments, one piece for the first of each task, one for the second, and so on.

    Gift wrapping: from where a task stands, the next hull vertex is the cell seen at the steepest slope. No task's
    strategies are sorted, and tasks that are at their best leave the arrays.
    """
    gain, extra_cost = block.gain, block.extra_cost
    task = np.arange(block.tasks.start, block.tasks.stop)
    steepest_before = np.full(len(task), np.inf)
    pieces = []
    while len(task):
        slopes = _find_slopes(gain, extra_cost)
        strategy = slopes.argmax(axis=0)
        slope = _pick(slopes, strategy)
        going_on = np.flatnonzero(slope > 0)
        if not len(going_on):
            break
        if len(going_on) < len(task):
            task, strategy, slope = task[going_on], strategy[going_on], slope[going_on]
            gain, extra_cost = gain[:, going_on], extra_cost[:, going_on]
            steepest_before = steepest_before[going_on]
        # A hull bends down; rounding must not bend it up, or a prefix could take a task's second segment alone.
        slope = np.minimum(slope, steepest_before)
        step_cost, step_gain = _pick(extra_cost, strategy), _pick(gain, strategy)
        pieces.append({"task": task, "strategy": strategy, "extra_cost": step_cost, "gain": step_gain, "slope": slope})
        gain, extra_cost, steepest_before = gain - step_gain, extra_cost - step_cost, slope
    return pieces


def _find_slopes(gain: Floats, extra_cost: Floats) -> Floats:
    """Slope from where each task stands to each cell that is both dearer and more accurate, 0 elsewhere."""
    slopes = np.zeros_like(gain)
    with np.errstate(over="ignore", under="ignore"):
        np.divide(gain, extra_cost, out=slopes, where=(gain > 0) & (extra_cost > 0))
    return slopes


def _pick(cells: Floats, strategy: Indices) -> Floats:
    return np.asarray(np.take_along_axis(cells, strategy[np.newaxis], axis=0)[0])
