"""The last step to the optimum: a dynamic programme over the few tasks that can still change."""

from typing import NamedTuple

import numpy as np

from router.fill import Changes
from router.instance import Floats, Indices, Instance

WORK_LIMIT = 2_000_000  # states looked at in one closure, about a quarter of a second
STEP_WORK = 500  # a step without states still takes time
STATE_LIMIT = 32_768  # states kept after each task; past it the nearest to the budget are kept and nothing is proven
CORE_LIMIT = 50_000  # alternatives looked at


class Core(NamedTuple):
    """Alternatives to a starting choice that an optimum may contain, those of one task together, nearest tasks first.

    The loss of an alternative is what choosing it costs against the upper bound: price * extra cost - gain.
    """

    task: Indices  # (alternatives,)
    strategy: Indices  # (alternatives,)
    extra_cost: Floats  # (alternatives,) against the starting choice; may be negative
    gain: Floats  # (alternatives,) against the starting choice; may be negative
    loss: Floats  # (alternatives,) >= 0
    complete: bool  # whether no alternative was left out


class Bound(NamedTuple):
    """The largest gain over the cheapest choice at a price, and the core around a starting choice."""

    gain: float  # sum over the tasks of max(gain - price * extra cost)
    core: Core


class Closure(NamedTuple):
    """The best changes found to a starting choice."""

    best: Changes
    proven: bool  # whether no other changes within the room gain more


class _Step(NamedTuple):
    """How each state kept after a task came about."""

    parent: Indices  # (states,) its state before the task
    alternative: Indices  # (states,) index in the core, -1 for no change


def bound_core(instance: Instance, choice: Indices, *, price: float, loss_limit: float) -> Bound:
    """The bound at a price, and every alternative whose loss is under the limit."""
    gain, pieces = 0.0, []
    for block in instance.blocks():
        here = choice[block.tasks][np.newaxis]
        reduced = block.reduce_gain(price)
        best = reduced.max(axis=0)
        gain += float(best.sum())
        near = best - reduced < loss_limit
        np.put_along_axis(near, here, False, axis=0)
        strategy, column = np.nonzero(near)
        started = here[0, column]
        extra_cost = block.extra_cost[strategy, column] - block.extra_cost[started, column]
        extra_gain = block.gain[strategy, column] - block.gain[started, column]
        loss = np.maximum(best[column] - reduced[strategy, column], 0.0)
        pieces.append((column + block.tasks.start, strategy, extra_cost, extra_gain, loss))
    columns = [np.concatenate(column) for column in zip(*pieces, strict=True)]
    return Bound(gain=gain, core=_order_core(*columns))


def _order_core(task: Indices, strategy: Indices, extra_cost: Floats, gain: Floats, loss: Floats) -> Core:
    complete = len(loss) <= CORE_LIMIT
    by_loss = np.argsort(loss, kind="stable")[:CORE_LIMIT]
    _, first, group = np.unique(task[by_loss], return_index=True, return_inverse=True)
    order = by_loss[np.argsort(first[group], kind="stable")]
    return Core(task[order], strategy[order], extra_cost[order], gain[order], loss[order], complete)


def close_gap(core: Core, *, room: float, price: float, incumbent: Changes, tolerance: float) -> Closure:
    """The best changes that cost at most `room`: the incumbent ones unless others gain more.

    A state is a set of changes to the tasks looked at so far, the others left as they are: a whole allocation. With
    price * room - loss as the bound on what a state can become, states that can not beat the best one found are
    dropped, and so are those both dearer and worse than another.
    """
    search = _Search(core, room=room, price=price, gain=incumbent.gain, tolerance=tolerance)
    while search.can_improve():
        search.expand()
    return Closure(search.best_changes() or incumbent, search.complete)


class _Search:
    """The states of the dynamic programme, sorted by cost, and the best one found."""

    def __init__(self, core: Core, *, room: float, price: float, gain: float, tolerance: float) -> None:
        self.core, self.room, self.price = core, room, price
        self.best_gain, self.tolerance = gain, tolerance
        self.starts = np.flatnonzero(np.diff(core.task, prepend=-1, append=-2))
        self.tasks = len(self.starts) - 1
        self.down, self.up = self._find_reach()
        self.cost, self.gain = np.zeros(1), np.zeros(1)
        self.steps: list[_Step] = []
        self.best_state: tuple[int, int] | None = None  # (step, state)
        self.next_task, self.work, self.complete = 0, 0, core.complete

    def _find_reach(self) -> tuple[Floats, Floats]:
        """How far the tasks from each one on can lower and raise the cost."""
        if not self.tasks:
            return np.zeros(1), np.zeros(1)
        down = np.minimum(np.minimum.reduceat(self.core.extra_cost, self.starts[:-1]), 0.0)
        up = np.maximum(np.maximum.reduceat(self.core.extra_cost, self.starts[:-1]), 0.0)
        return np.append(down[::-1].cumsum()[::-1], 0.0), np.append(up[::-1].cumsum()[::-1], 0.0)

    def can_improve(self) -> bool:
        """Whether a change to the next task can still beat the best found, and work is left."""
        missing = self.price * self.room - self.best_gain
        if missing <= self.tolerance or self.next_task >= self.tasks:
            return False
        if self.work >= WORK_LIMIT:
            self.complete = False
            return False
        return bool(self.core.loss[self.starts[self.next_task]] < missing)

    def expand(self) -> None:
        """Look at every alternative of the next task."""
        begin, end = self.starts[self.next_task : self.next_task + 2]
        self.next_task += 1
        alternatives = np.arange(begin, end)
        states = len(self.cost)
        cost = np.concatenate([self.cost, *(self.cost + step for step in self.core.extra_cost[begin:end])])
        gain = np.concatenate([self.gain, *(self.gain + step for step in self.core.gain[begin:end])])
        self.work += len(cost) + STEP_WORK
        kept = self._select(cost, gain)
        self.cost, self.gain = cost[kept], gain[kept]
        changed = np.append(-1, alternatives)[kept // states]
        self.steps.append(_Step(parent=kept % states, alternative=changed))
        self._note_best()

    def _select(self, cost: Floats, gain: Floats) -> Indices:
        """The states that can still become the best, sorted by cost."""
        missing = self.price * self.room - self.best_gain
        slack = missing - (self.price * cost - gain)
        reachable = (cost + self.down[self.next_task] <= self.room) & (
            self.price * (self.room - cost - self.up[self.next_task]) <= slack
        )
        kept = np.flatnonzero((slack > 0) & reachable)
        kept = kept[np.argsort(cost[kept], kind="stable")]
        # Gains this close are equal but for rounding; without it, sums in another order would count as new states.
        best_before = np.append(-np.inf, np.maximum.accumulate(gain[kept])[:-1]) if len(kept) else gain[kept]
        kept = kept[gain[kept] > best_before + self.tolerance / 1024]
        if len(kept) <= STATE_LIMIT:
            return kept
        self.complete = False
        distance = self.price * np.abs(self.room - cost[kept]) - slack[kept]
        return kept[np.sort(np.argsort(distance, kind="stable")[:STATE_LIMIT])]

    def _note_best(self) -> None:
        last = int(np.searchsorted(self.cost, self.room, side="right")) - 1
        if last >= 0 and self.gain[last] > self.best_gain:
            self.best_gain, self.best_state = float(self.gain[last]), (len(self.steps) - 1, last)

    def best_changes(self) -> Changes | None:
        """The changes that make the best state; None when none beats the gain to beat."""
        if self.best_state is None:
            return None
        changed = []
        step, state = self.best_state
        for made in reversed(self.steps[: step + 1]):
            changed.append(int(made.alternative[state]))
            state = int(made.parent[state])
        made_of = np.array([alternative for alternative in changed if alternative >= 0], dtype=np.int64)
        return Changes(self.core.task[made_of], self.core.strategy[made_of], self.best_gain)
