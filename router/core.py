"""The cells that are still open: some strategies of some tasks, and what the other tasks leave of every limit."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from router.compiled import compiled
from router.constrained_instance import ConstrainedInstance
from router.instance import Floats, Indices


@dataclass(frozen=True, kw_only=True, eq=False)
class Units:
    """Powers of two that bring limits and accuracies near 1: scaling by them is exact."""

    limit: Floats  # (rows,)
    gain: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Core:
    """Open cells, those of one task together, with uses and gains in the units."""

    units: Units
    task: Indices  # (open tasks,)
    start: Indices  # (open tasks + 1,) where each task's cells begin
    strategy: Indices  # (cells,)
    gain: Floats  # (cells,) weighted accuracy
    use: Floats  # (cells, layers)
    row: Indices  # (cells, layers) the row each use counts in; the number of rows where it counts in none
    room: Floats  # (rows,) what the other tasks leave; may be negative
    closed_choice: Indices  # (tasks,) the strategy of every other task
    closed_gain: float  # weighted accuracy of the other tasks, not in units

    @property
    def owner(self) -> Indices:
        """(cells,) the position of each cell's task."""
        return np.repeat(np.arange(len(self.task)), np.diff(self.start))

    def complete(self, chosen: Indices) -> Indices:
        """(tasks,) every task's strategy, given a cell for each open task."""
        choice = self.closed_choice.copy()
        choice[self.task] = self.strategy[chosen]
        return choice

    def price_cells(self, price: Floats) -> Floats:
        """(cells,) the price of all that a cell uses."""
        out = np.empty(len(self.gain))
        _price_cells(self.use, self.row, np.append(price, 0.0), out)
        return out

    def sum_rows(self, share: Floats) -> Floats:
        """(rows,) what is used by these shares of the cells."""
        out = np.zeros(len(self.room) + 1)
        _sum_rows(self.use, self.row, share, out)
        return out[:-1]

    def sum_tasks(self, values: Floats) -> Floats:
        """(open tasks,) the sum over each task's cells."""
        return np.asarray(np.add.reduceat(values, self.start[:-1]))

    def max_tasks(self, values: Floats) -> Floats:
        """(open tasks,) the largest over each task's cells."""
        return np.asarray(np.maximum.reduceat(values, self.start[:-1]))


def find_units(constrained: ConstrainedInstance) -> Units:
    """Units in which every limit is between 1 and 2, and the largest weighted accuracy is below 1."""
    limits = np.array([2.0 ** (math.frexp(limit)[1] - 1) if limit > 0 else 1.0 for limit in constrained.rows.limit])
    largest = 0.0
    for _, reduced in constrained.blocks(np.zeros(len(limits))):
        largest = max(
            largest,
            float(np.abs(reduced, out=reduced, where=np.isfinite(reduced)).max(initial=0, where=np.isfinite(reduced))),
        )
    return Units(limit=limits, gain=2.0 ** math.frexp(largest)[1] if largest > 0 else 1.0)


def open_cells(constrained: ConstrainedInstance, columns: NDArray[np.bool_], choice: Indices, units: Units) -> Core:
    """The core of all tasks that have several marked cells; the others keep their choice."""
    open_tasks = np.flatnonzero(np.count_nonzero(columns, axis=1) > 1)
    return gather_cells(constrained, open_tasks, columns[open_tasks], choice, units)


def gather_cells(
    constrained: ConstrainedInstance, tasks: Indices, columns: NDArray[np.bool_], choice: Indices, units: Units
) -> Core:
    """The core of these tasks and of their marked cells (open tasks, strategies)."""
    position, strategy = np.nonzero(columns)
    owner = tasks[position]
    closed = np.ones(len(choice), dtype=bool)
    closed[tasks] = False
    layers = constrained.rows.layers
    scale = np.append(1 / units.limit, 0.0)
    row = np.stack([layer.row[layer.group[owner], strategy] for layer in layers], axis=1)
    use = np.stack([np.asarray(layer.use[owner, strategy], dtype=np.float64) for layer in layers], axis=1)
    gain = constrained.weight[owner] * np.asarray(constrained.accuracy[owner, strategy], dtype=np.float64)
    return Core(
        units=units,
        task=tasks,
        start=np.searchsorted(position, np.arange(len(tasks) + 1)),
        strategy=strategy,
        gain=gain / units.gain,
        use=use * scale[row],
        row=row,
        room=_find_room(constrained, closed, choice) / units.limit,
        closed_choice=choice,
        closed_gain=float(np.where(closed, constrained.gains_of(choice), 0.0).sum()),
    )


def _find_room(constrained: ConstrainedInstance, closed: NDArray[np.bool_], choice: Indices) -> Floats:
    """What the closed tasks leave of every limit."""
    used = np.zeros(len(constrained.rows) + 1)
    for layer in constrained.rows.layers:
        uses = np.where(closed, layer.uses_of(choice), 0.0)
        used += np.bincount(layer.rows_of(choice), uses, minlength=len(used))
    return np.asarray(constrained.rows.limit - used[:-1])


@compiled
def _price_cells(use: Floats, row: Indices, price: Floats, out: Floats) -> None:
    cells, layers = use.shape
    for cell in range(cells):
        total = 0.0
        for layer in range(layers):
            total += use[cell, layer] * price[row[cell, layer]]
        out[cell] = total


@compiled
def _sum_rows(use: Floats, row: Indices, share: Floats, out: Floats) -> None:
    cells, layers = use.shape
    for cell in range(cells):
        for layer in range(layers):
            out[row[cell, layer]] += share[cell] * use[cell, layer]
