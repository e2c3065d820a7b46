"""Each task on its own: its best strategy when accuracy has a price, and what a choice costs and is worth."""

from typing import NamedTuple

import numpy as np

from router.blocks import map_blocks
from router.compiled import compiled
from router.instance import LARGEST, Block, Floats, Indices, Instance


class Choice(NamedTuple):
    """A strategy for each task."""

    strategy: Indices  # (tasks,)
    cost: Floats  # (tasks,)
    value: Floats  # (tasks,) weighted accuracy

    def copy(self) -> "Choice":
        """The same in arrays of its own."""
        return Choice(self.strategy.copy(), self.cost.copy(), self.value.copy())

    def select(self, tasks: Indices) -> "Choice":
        """That of some of the tasks."""
        return Choice(self.strategy[tasks], self.cost[tasks], self.value[tasks])


def choose_best(instance: Instance, *, worth: float, price: float) -> Choice:
    """Each task's strategy with the largest worth * value - price * cost.

    Of equals the cheapest, of these the most accurate, of these the first.
    """
    choice = make_choice(len(instance))
    map_blocks(lambda block: _choose(block, worth, price, choice), instance)
    return choice


def make_choice(tasks: int) -> Choice:
    """Room for a choice."""
    return Choice(np.empty(tasks, dtype=np.int64), np.empty(tasks), np.empty(tasks))


def look_up(instance: Instance, strategy: Indices) -> Choice:
    """What the given strategies cost and are worth."""
    choice = Choice(strategy, np.empty(len(instance)), np.empty(len(instance)))

    def look(block: Block) -> None:
        rows = np.arange(len(block.value))
        tasks = slice(block.first_task, block.first_task + len(rows))
        chosen = strategy[tasks]
        choice.cost[tasks], choice.value[tasks] = block.cost[rows, chosen], block.value[rows, chosen]

    map_blocks(look, instance)
    return choice


def update_choice(instance: Instance, before: Indices, choice: Choice) -> None:
    """Write down what the tasks whose strategy is not as before cost and are worth."""
    if instance.whole is not None:
        _update(instance.whole, before, choice)
        return
    tasks = np.flatnonzero(choice.strategy != before)
    found = look_up(instance.restrict(tasks), choice.strategy[tasks])
    choice.cost[tasks], choice.value[tasks] = found.cost, found.value


@compiled
def _update(block: Block, before: Indices, choice: Choice) -> None:
    for task in range(block.value.shape[0]):
        at = block.first_task + task
        strategy = choice.strategy[at]
        if strategy != before[at]:
            choice.cost[at], choice.value[at] = block.cost[task, strategy], block.value[task, strategy]


@compiled
def _choose(block: Block, worth: float, price: float, choice: Choice) -> None:
    """The largest score first, then who has it: a branch for each better cell could not be predicted."""
    tasks, strategies = block.value.shape
    scores = np.empty(strategies)
    for task in range(tasks):
        largest = -np.inf
        for strategy in range(strategies):
            v, c = block.value[task, strategy], block.cost[task, strategy]
            allowed = (abs(v) <= LARGEST) & (c >= 0) & (c <= LARGEST)
            score = worth * v - price * c if allowed else -np.inf
            scores[strategy] = score
            largest = max(largest, score)
        best, equals = -1, 0
        for strategy in range(strategies):
            is_best = scores[strategy] == largest
            best = strategy if is_best else best
            equals += is_best
        if equals > 1:
            best = _find_cheapest(block.value[task], block.cost[task], scores, best)
        at = block.first_task + task
        choice.strategy[at], choice.cost[at], choice.value[at] = best, block.cost[task, best], block.value[task, best]


@compiled
def _find_cheapest(value: Floats, cost: Floats, scores: Floats, last: int) -> int:
    """Of the strategies with the score of the last such one the cheapest, of these the most accurate, the first."""
    best = last
    for strategy in range(last - 1, -1, -1):
        if scores[strategy] == scores[last]:
            v, c = value[strategy], cost[strategy]
            if c < cost[best] or (c == cost[best] and v >= value[best]):
                best = strategy
    return best
