"""The cells that are still open: some strategies of some tasks, and what the other tasks leave of every limit."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from router.compiled import compiled
from router.constrained.instance import ConstrainedInstance
from router.instance import Floats, Indices


@dataclass(frozen=True, kw_only=True, eq=False)
class Units:
    """Powers of two that bring limits and accuracies near 1: scaling by them is exact."""

    limit: Floats  # (rows,)
    gain: float


class Cells(NamedTuple):
    """Open cells as compiled loops see them, those of one task together."""

    start: Indices  # (open tasks + 1,) where each task's cells begin
    use: Floats  # (cells, layers) in the units
    row: Indices  # (cells, layers) the row each use counts in; the number of rows where it counts in none


@dataclass(frozen=True, kw_only=True, eq=False)
class Core:
    """Open tasks and cells, with uses and gains in the units."""

    units: Units
    cells: Cells
    task: Indices  # (open tasks,)
    owner: Indices  # (cells,) the position of each cell's task
    strategy: Indices  # (cells,)
    gain: Floats  # (cells,) weighted accuracy
    room: Floats  # (rows,) what the other tasks leave; may be negative
    closed_choice: Indices  # (tasks,) the strategy of every other task
    closed_gain: float  # weighted accuracy of the other tasks, not in units

    def complete(self, chosen: Indices) -> Indices:
        """(tasks,) every task's strategy, given a cell for each open task."""
        choice = self.closed_choice.copy()
        choice[self.task] = self.strategy[chosen]
        return choice

    def find_left(self, chosen: Indices) -> Floats:
        """(rows,) what a cell for each open task leaves of the room."""
        return self.room - self.sum_rows(np.bincount(chosen, minlength=len(self.gain)).astype(np.float64))

    def find_losses(self, price: Floats) -> Floats:
        """(cells,) how much worse each cell is than its task's best at a price in the units."""
        reduced = self.gain - self.price_cells(price)
        return self.max_tasks(reduced)[self.owner] - reduced

    def price_cells(self, price: Floats) -> Floats:
        """(cells,) the price of all that a cell uses."""
        out = np.empty(len(self.gain))
        _price_cells(self.cells, np.append(price, 0.0), out)
        return out

    def sum_rows(self, share: Floats) -> Floats:
        """(rows,) what is used by these shares of the cells."""
        out = np.zeros(len(self.room) + 1)
        _sum_rows(self.cells, share, out)
        return out[:-1]

    def sum_tasks(self, values: Floats) -> Floats:
        """(open tasks,) the sum over each task's cells."""
        return np.asarray(np.add.reduceat(values, self.cells.start[:-1]))

    def max_tasks(self, values: Floats) -> Floats:
        """(open tasks,) the largest over each task's cells."""
        return np.asarray(np.maximum.reduceat(values, self.cells.start[:-1]))

    def spread_uses(self, cells: Indices) -> Floats:
        """(these cells, rows) what each uses of every row."""
        use = np.zeros((len(cells), len(self.room) + 1))
        each = np.arange(len(cells))
        for row, amount in zip(self.cells.row[cells].T, self.cells.use[cells].T, strict=True):
            use[each, row] += amount
        return np.ascontiguousarray(use[:, :-1])


def find_units(constrained: ConstrainedInstance) -> Units:
    """Units in which every limit is between 1 and 2, and the largest weighted accuracy is below 1."""
    limits = np.array([2.0 ** (math.frexp(limit)[1] - 1) if limit > 0 else 1.0 for limit in constrained.rows.limit])
    largest = 0.0
    for _, gains in constrained.blocks(constrained.rows.free):
        largest = max(largest, float(np.abs(gains[gains > -np.inf]).max(initial=0.0)))
    return Units(limit=limits, gain=2.0 ** math.frexp(largest)[1] if largest > 0 else 1.0)


def open_cells(constrained: ConstrainedInstance, columns: NDArray[np.bool_], units: Units) -> Core:
    """The core of all tasks that have several marked cells (tasks, strategies); the others have the one marked."""
    choice = columns.argmax(axis=1)
    is_open = np.count_nonzero(columns, axis=1) > 1
    tasks = np.flatnonzero(is_open)
    position, strategy = np.nonzero(columns[tasks])
    owner, layers = tasks[position], constrained.rows.layers
    row = np.stack([layer.row[layer.group[owner], strategy] for layer in layers], axis=1)
    use = np.stack([np.asarray(layer.use[owner, strategy], dtype=np.float64) for layer in layers], axis=1)
    gain = constrained.weight[owner] * np.asarray(constrained.accuracy[owner, strategy], dtype=np.float64)
    start = np.searchsorted(position, np.arange(len(tasks) + 1))
    return Core(
        units=units,
        cells=Cells(start, use * np.append(1 / units.limit, 0.0)[row], row),
        task=tasks,
        owner=position,
        strategy=strategy,
        gain=gain / units.gain,
        room=_find_room(constrained, ~is_open, choice) / units.limit,
        closed_choice=choice,
        closed_gain=float(np.where(is_open, 0.0, constrained.gains_of(choice)).sum()),
    )


def _find_room(constrained: ConstrainedInstance, closed: NDArray[np.bool_], choice: Indices) -> Floats:
    """What the closed tasks leave of every limit."""
    used = np.zeros(len(constrained.rows) + 1)
    for layer in constrained.rows.layers:
        uses = np.where(closed, layer.uses_of(choice), 0.0)
        used += np.bincount(layer.rows_of(choice), uses, minlength=len(used))
    return np.asarray(constrained.rows.limit - used[:-1])


@compiled
def _price_cells(cells: Cells, price: Floats, out: Floats) -> None:
    count, layers = cells.use.shape
    for cell in range(count):
        total = 0.0
        for layer in range(layers):
            total += cells.use[cell, layer] * price[cells.row[cell, layer]]
        out[cell] = total


@compiled
def _sum_rows(cells: Cells, share: Floats, out: Floats) -> None:
    count, layers = cells.use.shape
    for cell in range(count):
        for layer in range(layers):
            out[cells.row[cell, layer]] += share[cell] * cells.use[cell, layer]
