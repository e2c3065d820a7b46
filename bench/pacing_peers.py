"""What others do with a budget over a long job. All know how many tasks there are."""

import math

import numpy as np
from numpy.typing import NDArray

from bench.pacing_policies import Choice, allocate_within
from bench.pacing_workloads import Workload
from router import frontier
from router.compiled import compiled
from worker.window_choice import Money

LEARNT_FROM = 0.02  # of the tasks, by the peer that learns its price once


class Greedy:
    """First come, first served: the most accurate strategy as long as there is money."""

    def __init__(self, workload: Workload) -> None:
        self._work = workload

    def choose(self, tasks: slice, money: Money) -> Choice:
        """The best of each task; admission sees to the rest."""
        return np.asarray(self._work.accuracy[tasks].argmax(axis=1))


class EvenShare:
    """The money that is left, spread evenly over the tasks that are left."""

    def __init__(self, workload: Workload) -> None:
        self._work = workload

    def choose(self, tasks: slice, money: Money) -> Choice:
        """The window allocated exactly within its share."""
        left = len(self._work.accuracy) - tasks.start
        return allocate_within(self._work, tasks, money.expected_left * (tasks.stop - tasks.start) / left)


class LearnOnce:
    """As PORT (Wu and Silwal 2025) does: the price of a first small part of the queries, for all the others."""

    def __init__(self, workload: Workload) -> None:
        self._work = workload
        self._even = EvenShare(workload)
        self._price: float | None = None

    def choose(self, tasks: slice, money: Money) -> Choice:
        """Each task by itself at the price learnt; an even share until then."""
        total = len(self._work.accuracy)
        if tasks.start < LEARNT_FROM * total:
            return self._even.choose(tasks, money)
        if self._price is None:
            seen = frontier(self._work.accuracy[: tasks.start], self._work.cost[: tasks.start])
            share = max(money.expected_left, 0.0) * tasks.start / (total - tasks.start)
            self._price = seen.price_at(max(share, float(seen.cost[0])))
        return choose_at(self._work, tasks, self._price)


class MirrorDescent:
    """Dual mirror descent (Balseiro, Lu and Mirrokni 2020): the price moves with every task that spends."""

    def __init__(self, workload: Workload) -> None:
        self._work = workload
        self._price: float | None = None

    def choose(self, tasks: slice, money: Money) -> Choice:
        """Task after task; begins at the first window's own price, with the step 1 / sqrt(tasks)."""
        total = len(self._work.accuracy)
        accuracy, cost = self._work.accuracy[tasks], self._work.cost[tasks]
        even = self._work.cap / total / money.ratio
        if self._price is None:
            first = frontier(accuracy, cost)
            self._price = first.price_at(max(even * len(cost), float(first.cost[0])))
        choice = np.empty(len(cost), np.int64)
        self._price = _descend(accuracy, cost, choice, self._price, (even, 1 / math.sqrt(total)))
        return choice


class ExactAgain:
    """The whole backlog allocated exactly for every window."""

    def __init__(self, workload: Workload) -> None:
        self._work = workload

    def choose(self, tasks: slice, money: Money) -> Choice:
        """The window's part of the allocation of all that is left."""
        everything = slice(tasks.start, None)
        return allocate_within(self._work, everything, money.expected_left)[: tasks.stop - tasks.start]


def choose_at(work: Workload, tasks: slice, price: float) -> Choice:
    """Each task's best strategy at a price."""
    return np.asarray((work.accuracy[tasks] - price * work.cost[tasks]).argmax(axis=1))


@compiled
def _descend(
    accuracy: NDArray[np.float32],
    cost: NDArray[np.float64],
    choice: Choice,
    price: float,
    terms: tuple[float, float],
) -> float:
    """The price after these tasks; entropy as the mirror map, costs in multiples of an even share."""
    even, step = terms
    for task in range(len(cost)):
        best = 0
        for strategy in range(1, cost.shape[1]):
            score = accuracy[task, strategy] - price * cost[task, strategy]
            if score > accuracy[task, best] - price * cost[task, best]:
                best = strategy
        choice[task] = best
        price *= np.exp(step * (cost[task, best] / even - 1))
    return price
