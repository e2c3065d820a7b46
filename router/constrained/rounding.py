"""From shares of strategies to one strategy for each task, within every limit."""

import numpy as np

from router.compiled import compiled
from router.constrained.core import Cells, Core
from router.instance import Floats, Indices

SHARE_TO_COUNT = 1e-3  # a smaller share of a task is rounding
REPAIRS = 2_000  # moves after which a core is given up


def round_shares(core: Core, share: Floats) -> Indices:
    """(open tasks,) a cell for each task, such that what all of them use stays close to what their shares use."""
    chosen = np.empty(len(core.task), dtype=np.int64)
    _round_shares(core.cells, share, np.zeros(len(core.room) + 1), chosen)
    return chosen


def repair(core: Core, loss: Floats, chosen: Indices) -> Floats:
    """Move tasks, at the least loss for what it mends, until all fit the room; (rows,) what is then left of it.

    Changes `chosen`. A negative number remains where no move mends anything.
    """
    left = np.append(core.find_left(chosen), np.inf)
    _repair(core.cells, loss, chosen, left, REPAIRS)
    return left[:-1]


@compiled
def _round_shares(cells: Cells, share: Floats, error: Floats, chosen: Indices) -> None:
    """One task after the other: of the cells with a share, the one that keeps the error of all rows least."""
    layers = cells.use.shape[1]
    for task in range(len(chosen)):
        of_task = range(cells.start[task], cells.start[task + 1])
        for cell in of_task:
            for layer in range(layers):
                error[cells.row[cell, layer]] -= share[cell] * cells.use[cell, layer]
        least, best = np.inf, cells.start[task]
        for cell in of_task:
            if share[cell] < SHARE_TO_COUNT:
                continue
            grown = 0.0
            for layer in range(layers):
                before, amount = error[cells.row[cell, layer]], cells.use[cell, layer]
                grown += amount * (2 * before + amount)
            if grown < least:
                least, best = grown, cell
        chosen[task] = best
        for layer in range(layers):
            error[cells.row[best, layer]] += cells.use[best, layer]


@compiled
def _move(cells: Cells, old: int, new: int, left: Floats) -> float:
    """Move a task from one of its cells to another; by how much less is now used past the limits."""
    mended = 0.0
    for layer in range(cells.use.shape[1]):
        at = cells.row[old, layer]
        mended += max(-left[at], 0.0) - max(-left[at] - cells.use[old, layer], 0.0)
        left[at] += cells.use[old, layer]
        at = cells.row[new, layer]
        mended += max(-left[at], 0.0) - max(-left[at] + cells.use[new, layer], 0.0)
        left[at] -= cells.use[new, layer]
    return mended


@compiled
def _repair(cells: Cells, loss: Floats, chosen: Indices, left: Floats, repairs: int) -> None:
    now = left.copy()
    for _ in range(repairs):
        if left.min() >= 0:
            return
        least, mover, target = np.inf, -1, -1
        for task in range(len(chosen)):
            old = chosen[task]
            for cell in range(cells.start[task], cells.start[task + 1]):
                if cell == old:
                    continue
                mended = _move(cells, old, cell, left)
                _restore(cells, old, cell, left, now)
                worth = (max(loss[cell] - loss[old], 0.0) + 1e-12) / mended if mended > 1e-15 else np.inf
                if worth < least:
                    least, mover, target = worth, task, cell
        if mover < 0:
            return
        _move(cells, chosen[mover], target, left)
        now[:] = left
        chosen[mover] = target


@compiled
def _restore(cells: Cells, old: int, new: int, left: Floats, before: Floats) -> None:
    """Undo a move exactly: adding and subtracting would leave rounding errors."""
    for layer in range(cells.use.shape[1]):
        left[cells.row[old, layer]] = before[cells.row[old, layer]]
        left[cells.row[new, layer]] = before[cells.row[new, layer]]
