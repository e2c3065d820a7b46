"""Tasks and strategies as checked arrays, read in blocks that fit a processor's cache."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from router.errors import InvalidAllocationInput

CELLS_PER_BLOCK = 1 << 16

# Magnitudes whose differences, slopes and products stay finite and clear of underflow in float64.
SMALLEST, LARGEST = 1e-60, 1e60

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


class Block(NamedTuple):
    """A run of an instance's tasks. A cell is allowed where |value| <= LARGEST and 0 <= cost <= LARGEST."""

    first_task: int
    value: Floats  # (tasks, strategies) weighted accuracy
    cost: Floats  # (tasks, strategies)


@dataclass(frozen=True, kw_only=True, eq=False)
class Instance:
    """Weighted tasks with a predicted accuracy and cost for every strategy, in the caller's own arrays."""

    accuracy: NDArray[Any]  # (rows, strategies)
    cost: NDArray[Any]  # (rows, strategies)
    weight: Floats | None = None  # (rows,)
    rows: Indices | None = None  # (tasks,) the rows that this instance is about, in its order; all of them without
    deferrable: bool = False  # whether each task has one more strategy, the last, that costs and is worth nothing

    def __len__(self) -> int:
        return len(self.accuracy) if self.rows is None else len(self.rows)

    @property
    def strategies(self) -> int:
        """Strategies of each task."""
        return int(self.accuracy.shape[1]) + self.deferrable

    @property
    def cells(self) -> int:
        """Pairs of a task and a strategy."""
        return len(self) * self.strategies

    def restrict(self, tasks: Indices) -> Self:
        """The same for some of the tasks, in the order given."""
        return dataclasses.replace(self, rows=tasks if self.rows is None else self.rows[tasks])

    def with_deferral(self) -> Self:
        """The same tasks, each of which may go without a strategy."""
        return dataclasses.replace(self, deferrable=True)

    @cached_property
    def whole(self) -> Block | None:
        """All cells of a small instance, read once; None where they are more than a block, or none."""
        return self.read(slice(0, len(self))) if 0 < self.cells <= CELLS_PER_BLOCK else None

    def slices(self) -> Iterator[slice]:
        """The tasks of each block."""
        step = max(CELLS_PER_BLOCK // max(self.strategies, 1), 1)
        for start in range(0, len(self), step):
            yield slice(start, min(start + step, len(self)))

    def blocks(self) -> Iterator[Block]:
        """All cells, block after block."""
        if self.whole is not None:
            yield self.whole
            return
        for tasks in self.slices():
            yield self.read(tasks)

    def read(self, tasks: slice) -> Block:
        """The cells of a run of tasks; a copy only where they are not float64 in C order, weighted or deferrable."""
        rows = tasks if self.rows is None else self.rows[tasks]
        accuracy, cost = self.accuracy[rows], self.cost[rows]
        if self.weight is not None:
            with np.errstate(invalid="ignore", over="ignore"):  # forbidden stays forbidden: 0 * inf is NaN
                accuracy = np.multiply(accuracy, self.weight[rows, np.newaxis], dtype=np.float64)
        if self.deferrable:
            accuracy, cost = _add_free_cell(accuracy), _add_free_cell(cost)
        return Block(tasks.start, _as_cells(accuracy), _as_cells(cost))


def make_instance(accuracy: ArrayLike, cost: ArrayLike, weight: ArrayLike | None = None) -> Instance:
    """The arrays as an instance; InvalidAllocationInput names shapes, types and weights that do not fit."""
    accuracy, cost = np.asarray(accuracy), np.asarray(cost)
    if accuracy.ndim != 2 or accuracy.shape != cost.shape:
        raise InvalidAllocationInput(
            f"accuracy has the shape {accuracy.shape} and cost {cost.shape}: both must be (tasks, strategies)"
        )
    if accuracy.shape[0] and not accuracy.shape[1]:
        raise InvalidAllocationInput(f"there are {len(accuracy)} tasks and no strategies: give at least one strategy")
    for name, array in (("accuracy", accuracy), ("cost", cost)):
        if array.dtype.kind not in "fiub":
            raise InvalidAllocationInput(f"{name} has the type {array.dtype}: give float32 or float64")
    weights = None if weight is None else _check_weight(weight, len(accuracy))
    return Instance(accuracy=accuracy, cost=cost, weight=weights)


def _check_weight(weight: ArrayLike, tasks: int) -> Floats:
    weights = np.asarray(weight, dtype=np.float64)
    if weights.shape != (tasks,):
        raise InvalidAllocationInput(f"weight has the shape {weights.shape}: give one weight for each of {tasks} tasks")
    wrong = np.flatnonzero(~((weights >= 0) & (weights <= LARGEST)))
    if len(wrong):
        raise InvalidAllocationInput(
            f"task {wrong[0]} has the weight {weights[wrong[0]]}: a weight is a number of at least 0"
        )
    return weights


def _add_free_cell(cells: NDArray[Any]) -> Floats:
    return np.concatenate([cells, np.zeros((len(cells), 1))], axis=1, dtype=np.float64)


def _as_cells(cells: NDArray[Any]) -> Floats:
    """As compiled functions take them: one type, one layout, hence one compilation."""
    flags = cells.flags
    ready = cells.dtype == np.float64 and flags.c_contiguous and flags.writeable and flags.aligned
    return cells if ready else np.array(cells, dtype=np.float64, order="C")
