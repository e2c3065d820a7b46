"""Which tasks several known strategies have all answered: what an item response model is learned from."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

LEAST_STRATEGIES, LEAST_TASKS = 3, 200


class CommonTasks(NamedTuple):
    """Tasks that each of these strategies has answered."""

    tasks: list[str]
    strategies: list[int]  # positions among those asked about


def find_common_tasks(answered: Sequence[Collection[str]]) -> CommonTasks | None:
    """The most outcomes in a full table; None where fewer than 3 strategies have 200 tasks in common.

    Strategies with few outcomes are left out: they would leave few tasks that all have answered.
    """
    by_size = sorted(range(len(answered)), key=lambda position: -len(answered[position]))
    best, shared = None, dict.fromkeys(answered[by_size[0]]) if by_size else {}
    for count, position in enumerate(by_size, start=1):
        shared = {task: None for task in shared if task in answered[position]}
        if count < LEAST_STRATEGIES or len(shared) < LEAST_TASKS:
            continue
        if best is None or count * len(shared) > len(best.strategies) * len(best.tasks):
            best = CommonTasks(list(shared), sorted(by_size[:count]))
    return best
