"""Whether every cell can be used, and what serving every task costs at least."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from router.blocks import map_blocks
from router.compiled import compiled
from router.errors import InvalidAllocationInput
from router.instance import LARGEST, SMALLEST, Block, Floats, Instance, make_instance


def check_instance(accuracy: ArrayLike, cost: ArrayLike, weight: ArrayLike | None = None) -> Instance:
    """The arrays as an instance; InvalidAllocationInput names what can not be allocated, and a remedy."""
    instance = make_instance(accuracy, cost, weight)
    find_least_costs(instance)
    return instance


def find_least_costs(instance: Instance) -> Floats:
    """The cost of each task's cheapest allowed strategy (tasks,); InvalidAllocationInput at an unusable row."""
    least = np.empty(len(instance))
    for task in map_blocks(lambda block: _check_cells(block, least), instance):
        if task >= 0:
            _refuse_row(instance, task)
    return least


@compiled
def _check_cells(block: Block, least: Floats) -> int:
    """The first unusable row, -1 where there is none."""
    for task in range(block.value.shape[0]):
        cheapest = np.inf
        for strategy in range(block.value.shape[1]):
            v, c = block.value[task, strategy], block.cost[task, strategy]
            usable = abs(v) <= LARGEST and c <= LARGEST and (c >= SMALLEST or c == 0)
            if usable:
                cheapest = min(cheapest, c)
            elif np.isfinite(v) and np.isfinite(c):
                return block.first_task + task
        if cheapest > LARGEST:
            return block.first_task + task
        least[block.first_task + task] = cheapest
    return -1


def _refuse_row(instance: Instance, task: int) -> None:
    """Say what is wrong with a row."""
    accuracies = np.asarray(instance.accuracy[task], dtype=np.float64)
    costs = np.asarray(instance.cost[task], dtype=np.float64)
    weight = 1.0 if instance.weight is None else instance.weight[task]
    finite = np.isfinite(accuracies) & np.isfinite(costs)
    if not finite.any():
        raise InvalidAllocationInput(
            f"task {task} has no allowed strategy (accuracy or cost is NaN or infinite for all {len(costs)}): "
            "allow one or leave the task out"
        )
    _refuse_cell(task, "cost", costs, finite & (costs < 0), "a cost is at least 0; use NaN to forbid a strategy")
    extreme = finite & (costs != 0) & ((costs < SMALLEST) | (costs > LARGEST))
    _refuse_cell(task, "cost", costs, extreme, f"use a unit in which costs are between {SMALLEST} and {LARGEST}")
    extreme = finite & ~(np.abs(accuracies * weight) <= LARGEST)
    _refuse_cell(task, "accuracy", accuracies, extreme, f"an accuracy times its weight is at most {LARGEST}")


def _refuse_cell(task: int, name: str, cells: Floats, wrong: NDArray[np.bool_], remedy: str) -> None:
    if wrong.any():
        strategy = int(np.flatnonzero(wrong)[0])
        raise InvalidAllocationInput(f"task {task} has the {name} {cells[strategy]} for strategy {strategy}: {remedy}")
