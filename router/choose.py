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


@compiled
def _choose(block: Block, worth: float, price: float, choice: Choice) -> None:
    for task in range(block.value.shape[0]):
        best, best_score, best_cost, best_value = -1, -np.inf, np.inf, -np.inf
        for strategy in range(block.value.shape[1]):
            v, c = block.value[task, strategy], block.cost[task, strategy]
            if not (abs(v) <= LARGEST and 0 <= c <= LARGEST):
                continue
            score = worth * v - price * c
            if score < best_score:
                continue
            if score > best_score or c < best_cost or (c == best_cost and v > best_value):
                best, best_score, best_cost, best_value = strategy, score, c, v
        at = block.first_task + task
        choice.strategy[at], choice.cost[at], choice.value[at] = best, best_cost, best_value
