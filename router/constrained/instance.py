"""A checked allocation problem with several constraints, read at a price for each of its rows."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from router.cell_check import check_instance
from router.compiled import compiled
from router.constrained.constraints import Constraints
from router.constrained.rows import Kind, Layer, Rows, number_rows, read_kinds
from router.errors import InfeasibleConstraints, InvalidAllocationInput
from router.instance import Floats, Indices, Instance
from router.totals import largest_sum

CELLS_PER_BLOCK = 1 << 16
ROUNDING = 64 * float(np.finfo(np.float64).eps)  # share of its terms by which a sum over tasks may be off

Flags = NDArray[np.bool_]


class Reading(NamedTuple):
    """What a price for every row says about the whole instance."""

    bound: float  # no allocation within the limits has a larger accuracy
    choice: Indices  # (tasks,) the best strategy of each task at this price
    loss: Floats  # (tasks,) how much worse the second best is; infinite where there is none


@dataclass(frozen=True, kw_only=True, eq=False)
class ConstrainedInstance:
    """Tasks, strategies, and the rows that limit what they use. Cells that no allocation can use are not allowed."""

    accuracy: NDArray[Any]  # (tasks, strategies), NaN where not allowed
    cost: NDArray[Any]  # (tasks, strategies)
    weight: Floats  # (tasks,)
    rows: Rows

    def blocks(self, price: Floats) -> Iterator[tuple[slice, Floats]]:
        """Weighted accuracy less the price of all a cell uses, (block's tasks, strategies); -inf where not allowed."""
        prices = np.append(price, 0.0)
        tasks, strategies = self.accuracy.shape
        step = max(CELLS_PER_BLOCK // max(strategies, 1), 1)
        for start in range(0, tasks, step):
            block = slice(start, min(start + step, tasks))
            reduced = self._gains(block)
            for layer in self.rows.layers:
                use = np.ascontiguousarray(layer.use[block], dtype=np.float64)
                _charge(reduced, use, layer.group[block], prices[layer.row])
            yield block, reduced

    def read(self, price: Floats) -> Reading:
        """The bound at a price, and each task's best strategy."""
        tasks = len(self.accuracy)
        choice, loss = np.empty(tasks, dtype=np.int64), np.empty(tasks)
        sums, sizes = [], []
        for block, reduced in self.blocks(price):
            best = np.empty(len(reduced))
            _find_best(reduced, best, choice[block], loss[block])
            sums.append(float(best.sum()))
            sizes.append(float(np.abs(best).sum()))
        charged = float(price @ self.rows.limit)
        return Reading(math.fsum(sums) + charged + ROUNDING * (math.fsum(sizes) + 2 * charged), choice, loss)

    def use_of(self, choice: Indices) -> Floats:
        """(rows,) what a choice uses, the largest of the sums that NumPy and a loop come to."""
        total = np.zeros(len(self.rows))
        for layer in self.rows.layers:
            rows, uses = layer.rows_of(choice), layer.uses_of(choice)
            for row in np.unique(layer.row[layer.row < len(total)]):
                counted = rows == row
                total[row] = max(largest_sum(uses[counted]), float(np.where(counted, uses, 0.0).sum()))
        return total

    def gains_of(self, choice: Indices) -> Floats:
        """The weighted accuracy of each task's chosen strategy."""
        return self.weight * np.asarray(self.accuracy[np.arange(len(choice)), choice], dtype=np.float64)

    @cached_property
    def least_gain(self) -> float:
        """The weighted accuracy of the worst choice there is: where a bound is below it, no choice keeps the limits."""
        least = [
            reduced.min(axis=1, where=reduced > -np.inf, initial=np.inf).sum()
            for _, reduced in self.blocks(self.rows.free)
        ]
        return math.fsum(least) - ROUNDING * abs(math.fsum(least))

    def without_gain(self) -> "ConstrainedInstance":
        """The same limits, with all accuracies alike."""
        return replace(self, weight=np.zeros(len(self.weight)))

    def sample(self, tasks: Indices) -> "ConstrainedInstance":
        """Some of the tasks, with their share of every limit."""
        layers = tuple(Layer(layer.use[tasks], layer.group[tasks], layer.row) for layer in self.rows.layers)
        return ConstrainedInstance(
            accuracy=self.accuracy[tasks],
            cost=self.cost[tasks],
            weight=self.weight[tasks],
            rows=replace(self.rows, layers=layers, limit=self.rows.limit * (len(tasks) / len(self.weight))),
        )

    def _gains(self, block: slice) -> Floats:
        gains = np.array(self.accuracy[block], dtype=np.float64, order="C")
        allowed = np.isfinite(gains) & np.isfinite(self.cost[block])
        gains *= self.weight[block, np.newaxis]
        gains[~allowed] = -np.inf
        return gains


def check_constrained(
    accuracy: ArrayLike, cost: ArrayLike, budget: float, constraints: Constraints, weight: ArrayLike | None
) -> ConstrainedInstance:
    """The arrays as an instance; an error names the first row, or the first constraint, that can not be used."""
    instance = check_instance(accuracy, cost, weight)
    shape = (instance.accuracy.shape[0], instance.accuracy.shape[1])
    kinds = read_kinds(shape, instance.cost, constraints)
    allowed = _demand_accuracy(instance, constraints.minimum_accuracy)
    for kind in kinds:
        allowed = _demand_room(instance, allowed, kind)
    if not allowed.all():
        instance = check_instance(np.where(allowed, instance.accuracy, np.nan), instance.cost, instance.weight)
    return ConstrainedInstance(
        accuracy=instance.accuracy,
        cost=instance.cost,
        weight=np.ones(len(instance)) if instance.weight is None else instance.weight,
        rows=number_rows(instance.cost, budget, kinds),
    )


def _demand_accuracy(instance: Instance, minimum: ArrayLike | None) -> Flags:
    """Which cells are allowed and reach the minimum."""
    allowed: Flags = np.isfinite(instance.accuracy) & np.isfinite(instance.cost)
    if minimum is None:
        return allowed
    tasks = len(allowed)
    wanted = np.asarray(minimum, dtype=np.float64)
    if wanted.shape not in ((), (tasks,)):
        raise InvalidAllocationInput(
            f"the minimum accuracy has the shape {wanted.shape}: give a number, or one for each of {tasks} tasks"
        )
    if np.isnan(wanted).any():
        raise InvalidAllocationInput("the minimum accuracy is NaN: it is a number")
    wanted = np.broadcast_to(wanted, (tasks,))
    with np.errstate(invalid="ignore"):
        reaching = allowed & (instance.accuracy >= wanted[:, np.newaxis])
    for task in np.flatnonzero(~reaching.any(axis=1))[:1]:
        best = float(np.asarray(instance.accuracy)[task][allowed[task]].max())
        raise InfeasibleConstraints(
            f"task {task} has the minimum accuracy {float(wanted[task])!r} but its best allowed strategy is predicted "
            f"to reach {best!r}: lower the minimum to that or allow a more accurate strategy",
            constraints=("the minimum accuracy",),
            proven=True,
        )
    return reaching


def _demand_room(instance: Instance, allowed: Flags, kind: Kind) -> Flags:
    """Which of the allowed cells use a finite amount that is within its limit alone."""
    limits = kind.limit_of_cells()
    with np.errstate(invalid="ignore"):
        fitting = allowed & np.isfinite(kind.use) & (kind.use <= limits)
    for task in np.flatnonzero(~fitting.any(axis=1))[:1]:
        least = int(np.where(allowed[task], kind.use[task], np.inf).argmin())
        used, limit = float(kind.use[task, least]), float(np.broadcast_to(limits, allowed.shape)[task, least])
        raise InfeasibleConstraints(
            f"task {task} has no strategy left: all it may use need more than there is of {_name_kind(kind)} (strategy "
            f"{least} uses {used!r} of {limit!r}): raise that limit or leave the task out",
            constraints=tuple(kind.name),
            proven=True,
        )
    return np.asarray(fitting)


def _name_kind(kind: Kind) -> str:
    return kind.name[0] if len(kind.name) == 1 else f"{kind.name[0]} and those like it"


@compiled
def _charge(reduced: Floats, use: Floats, group: Indices, price: Floats) -> None:
    """Take the price of their use off all allowed cells; price (groups, strategies)."""
    tasks, strategies = reduced.shape
    for task in range(tasks):
        for strategy in range(strategies):
            if reduced[task, strategy] > -np.inf:
                reduced[task, strategy] -= use[task, strategy] * price[group[task], strategy]


@compiled
def _find_best(reduced: Floats, best: Floats, choice: Indices, loss: Floats) -> None:
    """Each task's best cell, the first of equals, and how far the next one stays behind."""
    tasks, strategies = reduced.shape
    for task in range(tasks):
        first, second, at = -np.inf, -np.inf, 0
        for strategy in range(strategies):
            value = reduced[task, strategy]
            if value > first:
                first, second, at = value, first, strategy
            elif value > second:
                second = value
        best[task], choice[task], loss[task] = first, at, first - second
