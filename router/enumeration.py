"""The best choice by trying all that can be better, for few tasks: the last step to a proof."""

from typing import NamedTuple

import numpy as np

from router.compiled import compiled
from router.core import Core
from router.instance import Floats, Indices

VISITS = 400_000  # cells looked at, some 50 ms; past them nothing is proven


class Enumerated(NamedTuple):
    """What an enumeration ended with."""

    chosen: Indices  # (open tasks,) the best cells found; empty where there are none
    deficit: float  # how much less accurate they are than the bound; infinite where there are none
    complete: bool  # whether nothing better exists


def enumerate_choices(core: Core, loss: Floats, price: Floats, *, deficit: float, tolerance: float) -> Enumerated:
    """The choice of least deficit within the room of the core, if it is less than a deficit that is reached already.

    A choice is less accurate than the bound by the losses of its cells and by what it leaves of the limits, at their
    price. Depth first, tasks with the fewest near alternatives first, cells of least loss first. A branch ends where
    its losses, or the room that the tasks to come can not use, are too much already, or where they can not fit.
    """
    first = np.lexsort((loss, core.owner))
    second = np.sort(loss)[-1:] if not len(core.task) else _find_second(core, loss[first])
    order = np.argsort(-second, kind="stable")
    use = _spread_uses(core)
    least = _sum_from(np.minimum.reduceat(use, core.start[:-1], axis=0)[order])
    most = _sum_from(np.maximum.reduceat(use, core.start[:-1], axis=0)[order])
    best = np.full(len(core.task), -1)
    found, complete = _search(
        core.start, order, first, loss, use, price, core.room.copy(), least, most, deficit - tolerance, best, VISITS
    )
    return Enumerated(best if best.min(initial=0) >= 0 else best[:0], found, complete)


def _find_second(core: Core, loss: Floats) -> Floats:
    """Each task's second least loss."""
    cells = np.minimum(core.start[:-1] + 1, core.start[1:] - 1)
    return np.where(np.diff(core.start) > 1, loss[cells], np.inf)


def _spread_uses(core: Core) -> Floats:
    """(cells, rows)"""
    use = np.zeros((len(core.gain), len(core.room) + 1))
    for layer in range(core.use.shape[1]):
        np.add.at(use, (np.arange(len(use)), core.row[:, layer]), core.use[:, layer])
    return np.ascontiguousarray(use[:, :-1])


def _sum_from(use: Floats) -> Floats:
    """(tasks + 1, rows) the sum over each task and all that follow."""
    return np.vstack([use[::-1].cumsum(axis=0)[::-1], np.zeros(use.shape[1])])


@compiled
def _search(
    start: Indices,
    order: Indices,
    sorted_cells: Indices,
    loss: Floats,
    use: Floats,
    price: Floats,
    left: Floats,
    least: Floats,
    most: Floats,
    deficit: float,
    best: Indices,
    visits: int,
) -> tuple[float, bool]:
    """The least deficit, and whether all branches were looked at. Writes the cells to `best`."""
    tasks, rows = len(order), use.shape[1]
    at = np.full(tasks + 1, -1)  # which of its cells each task on the way has
    lost = np.zeros(tasks + 1)
    depth = 0
    found = np.inf
    while depth >= 0:
        if depth == tasks:
            found = deficit = lost[depth] + (price * left).sum()
            for place in range(tasks):
                best[order[place]] = sorted_cells[start[order[place]] + at[place]]
            depth -= 1
            continue
        task = order[depth]
        if at[depth] >= 0:
            left += use[sorted_cells[start[task] + at[depth]]]
        at[depth] += 1
        visits -= 1
        cell = start[task] + at[depth]
        if cell == start[task + 1] or lost[depth] + loss[sorted_cells[cell]] >= deficit or visits < 0:
            at[depth] = -1
            depth -= 1
            continue
        cell = sorted_cells[cell]
        left -= use[cell]
        lost[depth + 1] = lost[depth] + loss[cell]
        unused, fits = lost[depth + 1], True
        for row in range(rows):
            fits &= left[row] >= least[depth + 1, row]
            unused += price[row] * max(left[row] - most[depth + 1, row], 0.0)
        if fits and unused < deficit:
            depth += 1
    return found, visits >= 0
