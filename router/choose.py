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
    choice = Choice(np.empty(len(instance), dtype=np.int64), np.empty(len(instance)), np.empty(len(instance)))

    def choose(block: Block) -> None:
        _choose(block.value, block.cost, worth, price, *(column[block.tasks] for column in choice))

    map_blocks(choose, instance)
    return choice


def look_up(instance: Instance, strategy: Indices) -> Choice:
    """What the given strategies cost and are worth."""
    choice = Choice(strategy, np.empty(len(instance)), np.empty(len(instance)))

    def look(block: Block) -> None:
        rows = np.arange(len(block.value))
        chosen = strategy[block.tasks]
        choice.cost[block.tasks] = block.cost[rows, chosen]
        choice.value[block.tasks] = block.value[rows, chosen]

    map_blocks(look, instance)
    return choice


@compiled
def _choose(
    value: Floats, cost: Floats, worth: float, price: float, chosen: Indices, spent: Floats, gained: Floats
) -> None:
    for task in range(value.shape[0]):
        best, best_score, best_cost, best_value = -1, -np.inf, np.inf, -np.inf
        for strategy in range(value.shape[1]):
            v, c = value[task, strategy], cost[task, strategy]
            if not (abs(v) <= LARGEST and 0 <= c <= LARGEST):
                continue
            score = worth * v - price * c
            if score < best_score:
                continue
            if score > best_score or c < best_cost or (c == best_cost and v > best_value):
                best, best_score, best_cost, best_value = strategy, score, c, v
        chosen[task], spent[task], gained[task] = best, best_cost, best_value
