"""Tasks and strategies as checked arrays, read in blocks that fit a processor's cache."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from router.errors import InvalidAllocationInput

CELLS_PER_BLOCK = 1 << 17

# Magnitudes whose differences, slopes and products stay finite and clear of underflow in float64.
SMALLEST, LARGEST = 1e-60, 1e60

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


class Block(NamedTuple):
    """A run of tasks, seen from each task's cheapest strategy. Forbidden cells have gain -inf and extra cost inf."""

    tasks: slice
    gain: Floats  # (strategies, tasks) weighted accuracy above the cheapest strategy's
    extra_cost: Floats  # (strategies, tasks) cost above the cheapest strategy's

    def reduce_gain(self, price: float) -> Floats:
        """Gain less price * extra cost; -inf where forbidden."""
        return self.gain - price * self.extra_cost if price else self.gain  # 0 * inf is no number


@dataclass(frozen=True, kw_only=True, eq=False)
class Instance:
    """Weighted tasks with a predicted accuracy and cost for every strategy; every task has an allowed one."""

    accuracy: NDArray[Any]  # (tasks, strategies) as given
    cost: NDArray[Any]  # (tasks, strategies) as given
    weight: Floats  # (tasks,)
    cheapest: Indices  # (tasks,) the cheapest allowed strategy; the most accurate one of several

    def costs_of(self, choice: Indices) -> Floats:
        """The cost of each task's chosen strategy."""
        return np.asarray(self.cost[np.arange(len(choice)), choice], dtype=np.float64)

    def accuracies_of(self, choice: Indices) -> Floats:
        """The weighted accuracy of each task's chosen strategy."""
        chosen = np.asarray(self.accuracy[np.arange(len(choice)), choice], dtype=np.float64)
        return self.weight * chosen

    def blocks(self) -> Iterator[Block]:
        """All tasks, a block at a time."""
        for tasks in _slices(*self.accuracy.shape):
            accuracy, cost = _read_cells(self.accuracy[tasks], self.cost[tasks])
            cheapest = self.cheapest[tasks][np.newaxis]
            accuracy -= np.take_along_axis(accuracy, cheapest, axis=0)
            cost -= np.take_along_axis(cost, cheapest, axis=0)
            with np.errstate(invalid="ignore"):
                accuracy *= self.weight[tasks]
            # Zero weight times a forbidden -inf: still forbidden.
            np.copyto(accuracy, -np.inf, where=np.isinf(cost))
            yield Block(tasks=tasks, gain=accuracy, extra_cost=cost)


def check_instance(accuracy: ArrayLike, cost: ArrayLike, weight: ArrayLike | None = None) -> Instance:
    """The arrays as an instance; InvalidAllocationInput names the first row that can not be allocated."""
    accuracy, cost = np.asarray(accuracy), np.asarray(cost)
    _check_shapes(accuracy, cost)
    weights = _check_weight(weight, len(accuracy))
    cheapest = np.zeros(len(accuracy), dtype=np.int64)
    for tasks in _slices(*accuracy.shape):
        cells = _read_cells(accuracy[tasks], cost[tasks])
        _check_cells(*cells, first_task=tasks.start)
        cheapest[tasks] = np.where(cells[1] == cells[1].min(axis=0), cells[0], -np.inf).argmax(axis=0)
    return Instance(accuracy=accuracy, cost=cost, weight=weights, cheapest=cheapest)


def _slices(tasks: int, strategies: int) -> Iterator[slice]:
    step = max(CELLS_PER_BLOCK // max(strategies, 1), 1)
    for start in range(0, tasks, step):
        yield slice(start, min(start + step, tasks))


def _read_cells(accuracy: NDArray[Any], cost: NDArray[Any]) -> tuple[Floats, Floats]:
    """Both as (strategies, tasks) float64, forbidden cells as -inf and inf."""
    accuracies = np.array(accuracy.T, dtype=np.float64, order="C")
    costs = np.array(cost.T, dtype=np.float64, order="C")
    forbidden = ~(np.isfinite(accuracies) & np.isfinite(costs))
    accuracies[forbidden] = -np.inf
    costs[forbidden] = np.inf
    return accuracies, costs


def _check_shapes(accuracy: NDArray[Any], cost: NDArray[Any]) -> None:
    if accuracy.ndim != 2 or accuracy.shape != cost.shape:
        raise InvalidAllocationInput(
            f"accuracy has the shape {accuracy.shape} and cost {cost.shape}: both must be (tasks, strategies)"
        )
    if accuracy.shape[0] and not accuracy.shape[1]:
        raise InvalidAllocationInput(f"there are {len(accuracy)} tasks and no strategies: give at least one strategy")
    for name, array in (("accuracy", accuracy), ("cost", cost)):
        if array.dtype.kind not in "fiub":
            raise InvalidAllocationInput(f"{name} has the type {array.dtype}: give float32 or float64")


def _check_weight(weight: ArrayLike | None, tasks: int) -> Floats:
    weights = np.ones(tasks) if weight is None else np.asarray(weight, dtype=np.float64)
    if weights.shape != (tasks,):
        raise InvalidAllocationInput(f"weight has the shape {weights.shape}: give one weight for each of {tasks} tasks")
    wrong = np.flatnonzero(~((weights >= 0) & (weights <= LARGEST)))
    if len(wrong):
        raise InvalidAllocationInput(
            f"task {wrong[0]} has the weight {weights[wrong[0]]}: a weight is a number of at least 0"
        )
    return weights


def _check_cells(accuracies: Floats, costs: Floats, *, first_task: int) -> None:
    unserved = np.flatnonzero(np.isinf(costs).all(axis=0))
    if len(unserved):
        raise InvalidAllocationInput(
            f"task {first_task + unserved[0]} has no allowed strategy (accuracy or cost is NaN or infinite for all "
            f"{len(costs)}): allow one or leave the task out"
        )
    finite = np.isfinite(costs)
    _refuse(costs, costs < 0, first_task, "cost", "a cost is at least 0; use NaN to forbid a strategy")
    extreme = finite & (costs != 0) & ((costs < SMALLEST) | (costs > LARGEST))
    _refuse(costs, extreme, first_task, "cost", f"use a unit in which costs are between {SMALLEST} and {LARGEST}")
    extreme = finite & (np.abs(accuracies) > LARGEST)
    _refuse(accuracies, extreme, first_task, "accuracy", f"an accuracy is at most {LARGEST}")


def _refuse(cells: Floats, wrong: NDArray[np.bool_], first_task: int, name: str, remedy: str) -> None:
    if wrong.any():
        task, strategy = np.argwhere(wrong.T)[0]
        raise InvalidAllocationInput(
            f"task {first_task + task} has the {name} {cells[strategy, task]} for strategy {strategy}: {remedy}"
        )
