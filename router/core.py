"""The core: the few alternatives to a starting choice that a better allocation may contain."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from router.blocks import map_blocks
from router.compiled import compiled
from router.free_steps import FreeSteps
from router.instance import LARGEST, Block, Floats, Indices, Instance

TASK_LIMIT = 16_384  # tasks in a core
COPY_LIMIT = 256  # tasks in a core that are all alike
CHOICE_LIMIT = 8 * TASK_LIMIT  # tasks that those of a core are chosen from
SCATTER = 2_654_435_761  # Knuth's multiplier: sends neighbouring numbers far apart
ROUNDING = 1e-3  # of the limit: how far the starting choice may be from the best one at the price

Kinds = NDArray[np.uint64]


class Losses(NamedTuple):
    """How each task's alternatives compare with its starting strategy at a price: value - price * cost."""

    excess: float  # how much better the best strategies are in total; rounding, for a choice that is best at the price
    nearest: Floats  # (tasks,) the least that an alternative loses
    kind: Kinds  # (tasks,) equal for tasks that are alike, where the nearest is under the limit


class Alternatives(NamedTuple):
    """Strategies that tasks may change to; those of one task together."""

    task: Indices  # (alternatives,)
    strategy: Indices  # (alternatives,)
    extra_cost: Floats  # (alternatives,) against the starting choice; may be negative
    gain: Floats  # (alternatives,) against the starting choice; may be negative
    loss: Floats  # (alternatives,) price * extra cost - gain

    def select(self, chosen: slice | NDArray[np.bool_]) -> "Alternatives":
        """Some of them."""
        return Alternatives(
            self.task[chosen], self.strategy[chosen], self.extra_cost[chosen], self.gain[chosen], self.loss[chosen]
        )


class _Terms(NamedTuple):
    """Which alternatives belong to a core: at the price they lose less than the limit, and are no free step."""

    price: float
    limit: float
    step_cost: float
    step_gain: float


class Core(NamedTuple):
    """What may change, tasks with the nearest alternatives first."""

    alternatives: Alternatives
    more_alike: NDArray[np.bool_]  # (alternatives,) whether tasks just like this one were left out
    excess: float  # as in Losses
    complete: bool  # whether nothing else was left out


def gather_core(instance: Instance, start: Indices, steps: FreeSteps, *, price: float, limit: float) -> Core:
    """Every alternative that loses less than the limit, as far as the core has room for its task.

    Those that are a free step there or back are left out.
    """
    bound = limit * (1 + ROUNDING)
    losses = measure_losses(instance, start, price=price, limit=bound)
    near = _find_near(losses.nearest, bound)
    more_alike, complete = np.zeros(len(near), dtype=np.bool_), losses.excess <= limit * ROUNDING
    if len(near) > TASK_LIMIT:
        kept, alike = _thin_copies(losses.kind[near])
        near, more_alike = near[kept], alike[kept]
    # Tasks that are alike stay together; equals are mixed, since the first ones are all upgraded and the last ones not.
    order = np.lexsort((_scatter_kinds(losses.kind[near]), losses.nearest[near]))
    complete = complete and len(order) <= TASK_LIMIT  # in particular, none was left out for the other limit
    near, more_alike = near[order[:TASK_LIMIT]], more_alike[order[:TASK_LIMIT]]
    found = _gather(instance, near, start[near], _Terms(price, bound, steps.cost, steps.gain))
    return Core(found._replace(task=near[found.task]), more_alike[found.task], losses.excess, complete)


def measure_losses(instance: Instance, start: Indices, *, price: float, limit: float) -> Losses:
    """Every task's nearest alternative; strategies no cheaper and no better than the starting one are none."""
    nearest, kind = np.empty(len(instance)), np.zeros(len(instance), dtype=np.uint64)

    terms = (price, limit)
    excess = map_blocks(lambda block: _measure(block, start, terms, nearest, kind), instance)
    return Losses(sum(excess), nearest, kind)


def _gather(instance: Instance, near: Indices, start: Indices, terms: _Terms) -> Alternatives:
    """The alternatives of the tasks `near`, numbered by their place there."""

    def gather(block: Block, rows: Indices) -> Alternatives:
        found = _make_alternatives(len(rows) * instance.strategies)
        return found.select(slice(_collect(block, rows, start, terms, found)))

    if instance.whole is not None:
        return gather(instance.whole, near)
    part = instance.restrict(near)
    pieces = map_blocks(lambda block: gather(block, np.arange(len(block.value))), part) or [_make_alternatives(0)]
    task, strategy, *columns = (np.concatenate(column) for column in zip(*pieces, strict=True))
    return Alternatives(task, strategy, *columns)


def _make_alternatives(count: int) -> Alternatives:
    return Alternatives(
        np.empty(count, np.int64), np.empty(count, np.int64), np.empty(count), np.empty(count), np.empty(count)
    )


@compiled
def _measure(block: Block, start: Indices, terms: tuple[float, float], nearest: Floats, kind: Kinds) -> float:
    price, limit = terms
    excess = 0.0
    for task in range(block.value.shape[0]):
        at = block.first_task + task
        here_value, here_cost = block.value[task, start[at]], block.cost[task, start[at]]
        least = np.inf
        for strategy in range(block.value.shape[1]):
            v, c = block.value[task, strategy], block.cost[task, strategy]
            # Selections and no branches: which cells are alternatives can not be predicted.
            loss = _lose(v, c, here_value, here_cost, price)
            is_other = ((c < here_cost) | (v > here_value)) & (abs(v) <= LARGEST) & (c >= 0) & (c <= LARGEST)
            least = min(least, loss if is_other else np.inf)
        excess += max(-least, 0.0)
        nearest[at] = least
        if least < limit:
            kind[at] = _mix(block.value[task].view(np.uint64), block.cost[task].view(np.uint64), start[at])
    return excess


@compiled
def _lose(value: float, cost: float, here_value: float, here_cost: float, price: float) -> float:
    """What changing to a cell loses at a price; nothing where that is rounding."""
    loss = (here_value - price * here_cost) - (value - price * cost)
    rounding = 2.0**-50 * (abs(value) + abs(here_value) + price * (cost + here_cost))
    return loss if abs(loss) > rounding else 0.0


@compiled
def _mix(value: Kinds, cost: Kinds, start: int) -> np.uint64:
    """A hash of a task's cells and starting strategy."""
    mixed = np.uint64(start)
    for strategy in range(len(value)):
        mixed = (mixed ^ value[strategy]) * np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(29)) ^ cost[strategy]) * np.uint64(0xBF58476D1CE4E5B9)
        mixed ^= mixed >> np.uint64(32)
    return mixed


@compiled
def _collect(block: Block, rows: Indices, start: Indices, terms: _Terms, out: Alternatives) -> int:
    """Alternatives in some rows that belong to the core and that no other strategy of their task makes superfluous."""
    count = 0
    for place in range(len(rows)):
        task, at = rows[place], block.first_task + place
        here_value, here_cost = block.value[task, start[at]], block.cost[task, start[at]]
        for strategy in range(block.value.shape[1]):
            v, c = block.value[task, strategy], block.cost[task, strategy]
            if not ((c < here_cost or v > here_value) and abs(v) <= LARGEST and 0 <= c <= LARGEST):
                continue
            loss, extra_cost, gain = _lose(v, c, here_value, here_cost, terms.price), c - here_cost, v - here_value
            if not loss < terms.limit or _is_superfluous(block.value[task], block.cost[task], strategy):
                continue
            if abs(extra_cost) == terms.step_cost and abs(gain) == terms.step_gain:
                continue
            out.task[count], out.strategy[count] = at, strategy
            out.extra_cost[count], out.gain[count], out.loss[count] = extra_cost, gain, loss
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
def _find_near(nearest: Floats, limit: float) -> Indices:
    """Tasks with an alternative that loses less than the limit."""
    near, count = np.empty(len(nearest), np.int64), 0
    for task in range(len(nearest)):
        near[count] = task
        count += nearest[task] < limit
    return near[:count].copy()


@compiled
def _scatter_kinds(kind: Kinds) -> Indices:
    """A number for each task, equal for those that are alike, and in no order otherwise."""
    number, size = np.empty(len(kind), np.int64), 1
    while size < 2 * len(kind):
        size *= 2
    seen = np.full(size, -1)
    for task in range(len(kind)):
        slot = _find_slot(kind, seen, task)
        if seen[slot] < 0:
            seen[slot] = task
        number[task] = seen[slot] * SCATTER % 2**32
    return number


@compiled
def _thin_copies(kind: Kinds) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Some tasks of each kind, as many as a core takes, and of these the last ones of kinds that have more.

    Ends when there are far more tasks of different kinds than a core has room for; tasks are looked at out of order.
    """
    tasks = len(kind)
    kept, more = np.zeros(tasks, np.bool_), np.zeros(tasks, np.bool_)
    size = 4 * CHOICE_LIMIT
    seen, count, last = np.full(size, -1), np.zeros(size, np.int64), np.full(size, -1)
    chosen = 0
    for step in range(tasks):
        task = step * SCATTER % tasks
        slot = _find_slot(kind, seen, task)
        seen[slot] = task
        count[slot] += 1
        if count[slot] <= COPY_LIMIT:
            if chosen == CHOICE_LIMIT:
                break
            kept[task] = True
            chosen += 1
    for task in np.flatnonzero(kept):
        last[_find_slot(kind, seen, task)] = task
    for slot in np.flatnonzero(count > COPY_LIMIT):
        more[last[slot]] = True
    return kept, more


@compiled
def _find_slot(kind: Kinds, seen: Indices, task: int) -> np.int64:
    """The slot of a task's kind in a table of open addresses."""
    slot = np.int64(kind[task] & np.uint64(len(seen) - 1))
    while seen[slot] >= 0 and kind[seen[slot]] != kind[task]:
        slot = (slot + 1) & (len(seen) - 1)
    return slot
