"""The best choice by trying all that can be better, for few tasks: the last step to a proof."""

from typing import NamedTuple

import numpy as np

from router.compiled import compiled
from router.constrained.core import Core
from router.instance import Floats, Indices

VISITS = 1_000_000  # cells looked at, some 40 ms; past them nothing is proven


class Enumerated(NamedTuple):
    """What an enumeration ended with."""

    chosen: Indices  # (open tasks,) the best cells found; empty where there are none
    complete: bool  # whether nothing better exists


class _Tree(NamedTuple):
    """The order in which tasks and their cells are tried."""

    start: Indices  # (tasks + 1,) where the cells of each task begin
    loss: Floats  # (cells,) ascending for each task
    use: Floats  # (cells, rows)
    price: Floats  # (rows,)
    least: Floats  # (tasks + 1, rows) what each task and all that follow use at least
    most: Floats  # (tasks + 1, rows) and at most


def enumerate_choices(core: Core, loss: Floats, price: Floats, deficit: float) -> Enumerated:
    """The choice of least deficit within the room of the core, if it is less than a deficit that is reached already.

    A choice is less accurate than the bound by the losses of its cells and by what it leaves of the limits, at their
    price: its deficit. Depth first, tasks with the fewest near alternatives first, cells of least loss first. A branch
    ends where its losses and the room that the tasks to come can not use are too much, or where they can not fit.
    """
    cells = _order_cells(core, loss)
    tasks, first = np.unique(core.owner[cells], return_index=True)
    rank = np.argsort(first, kind="stable")
    start = np.append(first[rank], len(cells))
    use = core.spread_uses(cells)
    least, most = (_sum_from(np.asarray(pick.reduceat(use, start[:-1], axis=0))) for pick in (np.minimum, np.maximum))
    at = np.full(len(tasks) + 1, -1)
    best = at.copy()
    complete = _search(
        _Tree(start, loss[cells], use, price, least, most), core.room.copy(), deficit, (at, best), VISITS
    )
    if best[0] < 0:
        return Enumerated(np.zeros(0, dtype=np.int64), complete)
    chosen = np.empty(len(tasks), dtype=np.int64)
    chosen[tasks[rank]] = cells[start[:-1] + best[:-1]]
    return Enumerated(chosen, complete)


def _order_cells(core: Core, loss: Floats) -> Indices:
    """All cells, those of a task together by ascending loss, tasks by descending second least loss."""
    by_loss = np.lexsort((loss, core.owner))
    second = loss[by_loss[core.cells.start[:-1] + 1]]  # open tasks have two cells at least
    return np.asarray(by_loss[np.lexsort((np.arange(len(by_loss)), core.owner, -second[core.owner]))])


def _sum_from(use: Floats) -> Floats:
    """(tasks + 1, rows) the sum over each task and all that follow."""
    return np.vstack([use[::-1].cumsum(axis=0)[::-1], np.zeros(use.shape[1])])


@compiled
def _rate(tree: _Tree, lost: float, left: Floats, depth: int) -> float:
    """The least deficit that a branch can still come to; infinite where it can not fit."""
    deficit = lost
    for row in range(len(left)):
        if left[row] < tree.least[depth, row]:
            return np.inf
        deficit += tree.price[row] * max(left[row] - tree.most[depth, row], 0.0)
    return deficit


@compiled
def _search(tree: _Tree, left: Floats, deficit: float, places: tuple[Indices, Indices], visits: int) -> bool:
    """Whether all branches were looked at. The second of the places gets the cell of each task, none at its end."""
    at, best = places
    tasks = len(tree.start) - 1
    lost = np.zeros(tasks + 1)
    lefts = np.empty((tasks + 1, len(left)))
    lefts[0] = left
    depth = 0
    while depth >= 0 and visits > 0:
        visits -= 1
        if depth == tasks:
            deficit = _rate(tree, lost[depth], lefts[depth], depth)
            best[:] = at
        at[depth] += 1
        cell = tree.start[min(depth, tasks - 1)] + at[depth]
        if depth == tasks or cell == tree.start[depth + 1] or lost[depth] + tree.loss[cell] >= deficit:
            at[depth] = -1
            depth -= 1
            continue
        lost[depth + 1] = lost[depth] + tree.loss[cell]
        lefts[depth + 1] = lefts[depth] - tree.use[cell]
        if _rate(tree, lost[depth + 1], lefts[depth + 1], depth + 1) < deficit:
            depth += 1
    return visits > 0
