"""From shares of strategies to one strategy for each task, within every limit."""

import numpy as np

from router.compiled import compiled
from router.core import Core
from router.instance import Floats, Indices

SHARE_TO_COUNT = 1e-3  # a smaller share of a task is rounding
REPAIRS = 2_000  # moves tried before a core is given up


def round_shares(core: Core, share: Floats) -> Indices:
    """(open tasks,) a cell for each task, such that what all of them use stays close to what their shares use."""
    chosen = np.empty(len(core.task), dtype=np.int64)
    _round_shares(core.start, core.use, core.row, share, np.zeros(len(core.room) + 1), chosen)
    return chosen


def repair(core: Core, loss: Floats, chosen: Indices) -> Floats:
    """Move tasks, at the least loss for what it mends, until the room suffices; what is then left of it.

    Changes `chosen`. A negative number remains where no move mends anything.
    """
    left = np.append(
        core.room - core.sum_rows(np.bincount(chosen, minlength=len(core.gain)).astype(np.float64)), np.inf
    )
    _repair(core.start, core.use, core.row, loss, chosen, left, REPAIRS)
    return left[:-1]


@compiled
def _round_shares(start: Indices, use: Floats, row: Indices, share: Floats, error: Floats, chosen: Indices) -> None:
    """One task after the other: of the cells with a share, the one that keeps the error of all rows least."""
    layers = use.shape[1]
    for task in range(len(chosen)):
        cells = range(start[task], start[task + 1])
        for cell in cells:
            for layer in range(layers):
                error[row[cell, layer]] -= share[cell] * use[cell, layer]
        least, best = np.inf, start[task]
        for cell in cells:
            if share[cell] < SHARE_TO_COUNT:
                continue
            grown = 0.0
            for layer in range(layers):
                before, amount = error[row[cell, layer]], use[cell, layer]
                grown += amount * (2 * before + amount)
            if grown < least:
                least, best = grown, cell
        chosen[task] = best
        for layer in range(layers):
            error[row[best, layer]] += use[best, layer]


@compiled
def _mended(use: Floats, row: Indices, old: int, new: int, left: Floats) -> float:
    """By how much a move lowers the sum of all that is used past the limits. Leaves `left` as it is."""
    layers = use.shape[1]
    mended = 0.0
    for layer in range(layers):
        for cell, sign in ((old, 1.0), (new, -1.0)):
            at = row[cell, layer]
            before = left[at]
            left[at] += sign * use[cell, layer]
            mended += max(-before, 0.0) - max(-left[at], 0.0)
    for layer in range(layers):
        left[row[old, layer]] -= use[old, layer]
        left[row[new, layer]] += use[new, layer]
    return mended


@compiled
def _repair(
    start: Indices, use: Floats, row: Indices, loss: Floats, chosen: Indices, left: Floats, repairs: int
) -> None:
    for _ in range(repairs):
        if left.min() >= 0:
            return
        least, mover, target = np.inf, -1, -1
        for task in range(len(chosen)):
            old = chosen[task]
            for cell in range(start[task], start[task + 1]):
                if cell == old:
                    continue
                mended = _mended(use, row, old, cell, left)
                worth = (max(loss[cell] - loss[old], 0.0) + 1e-12) / mended if mended > 1e-15 else np.inf
                if worth < least:
                    least, mover, target = worth, task, cell
        if mover < 0:
            return
        for layer in range(use.shape[1]):
            left[row[chosen[mover], layer]] += use[chosen[mover], layer]
            left[row[target, layer]] -= use[target, layer]
        chosen[mover] = target
