"""The core: the few alternatives to a starting choice that a better allocation may contain."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from router.blocks import map_blocks
from router.compiled import compiled
from router.instance import LARGEST, Block, Floats, Indices, Instance

TASK_LIMIT = 16_384  # tasks in a core
COPY_LIMIT = 256  # tasks in a core that are all alike
ROUNDING = 1e-3  # of the limit: how far the starting choice may be from the best one at the price

Kinds = NDArray[np.uint64]


class Losses(NamedTuple):
    """How each task's alternatives compare with its starting strategy at a price: value - price * cost."""

    excess: float  # how much better the best strategies are in total; rounding, for a choice that is best at the price
    nearest: Floats  # (tasks,) the least that an alternative loses
    kind: Kinds  # (tasks,) equal for tasks that are alike, where the nearest is under the limit


class Core(NamedTuple):
    """Alternatives to a starting choice, those of one task together, tasks with the nearest ones first."""

    task: Indices  # (alternatives,)
    strategy: Indices  # (alternatives,)
    extra_cost: Floats  # (alternatives,) against the starting choice; may be negative
    gain: Floats  # (alternatives,) against the starting choice; may be negative
    loss: Floats  # (alternatives,) price * extra cost - gain
    more_alike: NDArray[np.bool_]  # (alternatives,) whether tasks just like this one were left out
    excess: float  # as in Losses
    complete: bool  # whether nothing else was left out


def gather_core(instance: Instance, start: Indices, *, price: float, limit: float) -> Core:
    """Every alternative that loses less than the limit, as far as the core has room for its task."""
    losses = measure_losses(instance, start, price=price, limit=limit * (1 + ROUNDING))
    near = np.flatnonzero(losses.nearest < limit * (1 + ROUNDING))
    more_alike, complete = np.zeros(len(near), dtype=np.bool_), losses.excess <= limit * ROUNDING
    if len(near) > TASK_LIMIT:
        kept, more_alike = _thin_copies(losses.kind[near], COPY_LIMIT)
        near, more_alike = near[kept], more_alike[kept]
    _, first, kind = np.unique(losses.kind[near], return_index=True, return_inverse=True)
    order = np.lexsort((first[kind], losses.nearest[near]))  # tasks that are alike stay together
    complete = complete and len(order) <= TASK_LIMIT
    near, more_alike = near[order[:TASK_LIMIT]], more_alike[order[:TASK_LIMIT]]
    found = _gather(instance.restrict(near), start[near], price, limit * (1 + ROUNDING))
    columns = found._replace(task=near[found.task])
    return Core(*columns, more_alike[found.task], losses.excess, complete)


def measure_losses(instance: Instance, start: Indices, *, price: float, limit: float) -> Losses:
    """Every task's nearest alternative; strategies no cheaper and no better than the starting one are none."""
    nearest, kind = np.empty(len(instance)), np.zeros(len(instance), dtype=np.uint64)

    def measure(block: Block) -> float:
        tasks = block.tasks
        bits = block.value.view(np.uint64), block.cost.view(np.uint64)
        return _measure(block.value, block.cost, *bits, start[tasks], price, limit, nearest[tasks], kind[tasks])

    return Losses(sum(map_blocks(measure, instance)), nearest, kind)


class _Alternatives(NamedTuple):
    """As the first columns of a core."""

    task: Indices
    strategy: Indices
    extra_cost: Floats
    gain: Floats
    loss: Floats


def _gather(instance: Instance, start: Indices, price: float, limit: float) -> _Alternatives:
    def gather(block: Block) -> _Alternatives:
        found = _make_alternatives(block.value.size)
        count = _collect(block.value, block.cost, start[block.tasks], price, limit, block.tasks.start, *found)
        return _Alternatives(*(column[:count] for column in found))

    pieces = map_blocks(gather, instance) or [_make_alternatives(0)]
    return _Alternatives(*(np.concatenate(column) for column in zip(*pieces, strict=True)))


def _make_alternatives(count: int) -> _Alternatives:
    return _Alternatives(
        np.empty(count, np.int64), np.empty(count, np.int64), np.empty(count), np.empty(count), np.empty(count)
    )


@compiled
def _measure(
    value: Floats,
    cost: Floats,
    value_bits: Kinds,
    cost_bits: Kinds,
    start: Indices,
    price: float,
    limit: float,
    nearest: Floats,
    kind: Kinds,
) -> float:
    excess = 0.0
    for task in range(value.shape[0]):
        here_value, here_cost = value[task, start[task]], cost[task, start[task]]
        least = np.inf
        for strategy in range(value.shape[1]):
            v, c = value[task, strategy], cost[task, strategy]
            if (c < here_cost or v > here_value) and abs(v) <= LARGEST and 0 <= c <= LARGEST:
                least = min(least, (here_value - price * here_cost) - (v - price * c))
        excess += max(-least, 0.0)
        nearest[task] = least
        if least < limit:
            mixed = np.uint64(start[task])
            for strategy in range(value.shape[1]):
                mixed = (mixed ^ value_bits[task, strategy]) * np.uint64(0x9E3779B97F4A7C15)
                mixed = (mixed ^ (mixed >> np.uint64(29)) ^ cost_bits[task, strategy]) * np.uint64(0xBF58476D1CE4E5B9)
                mixed ^= mixed >> np.uint64(32)
            kind[task] = mixed
    return excess


@compiled
def _collect(
    value: Floats,
    cost: Floats,
    start: Indices,
    price: float,
    limit: float,
    first_task: int,
    out_task: Indices,
    out_strategy: Indices,
    out_cost: Floats,
    out_gain: Floats,
    out_loss: Floats,
) -> int:
    """Alternatives under the limit that no other strategy of their task makes superfluous."""
    count = 0
    for task in range(value.shape[0]):
        here_value, here_cost = value[task, start[task]], cost[task, start[task]]
        for strategy in range(value.shape[1]):
            v, c = value[task, strategy], cost[task, strategy]
            if not ((c < here_cost or v > here_value) and abs(v) <= LARGEST and 0 <= c <= LARGEST):
                continue
            loss = (here_value - price * here_cost) - (v - price * c)
            if not loss < limit or _is_superfluous(value[task], cost[task], strategy):
                continue
            out_task[count], out_strategy[count] = first_task + task, strategy
            out_cost[count], out_gain[count], out_loss[count] = c - here_cost, v - here_value, loss
            count += 1
    return count


@compiled
def _is_superfluous(value: Floats, cost: Floats, strategy: int) -> bool:
    """Whether another strategy is no dearer and no worse."""
    for other in range(len(value)):
        v, c = value[other], cost[other]
        as_good = 0 <= c <= cost[strategy] and value[strategy] <= v <= LARGEST
        if as_good and (other < strategy or c < cost[strategy] or v > value[strategy]):
            return True
    return False


@compiled
def _thin_copies(kind: Kinds, most: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """The first so many tasks of each kind, and of these the last ones of kinds that have more."""
    slots = 1
    while slots < 2 * len(kind):
        slots *= 2
    last, count = np.full(slots, -1, np.int64), np.zeros(slots, np.int64)
    kept, more = np.zeros(len(kind), np.bool_), np.zeros(len(kind), np.bool_)
    for task in range(len(kind)):
        slot = np.int64(kind[task] & np.uint64(slots - 1))
        while last[slot] >= 0 and kind[last[slot]] != kind[task]:
            slot = (slot + 1) & (slots - 1)
        if count[slot] < most:
            kept[task], last[slot] = True, task
            count[slot] += 1
        else:
            more[last[slot]] = True
    return kept, more
