"""How routers that could be built differ in what they explore, learn from and are told."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from bench.replay_memory import Memory
from bench.replay_training import Serve, Training, serve_pairs, train_alike, train_weighted
from bench.replay_world import Floats, Rows
from router.baselines.nearest_neighbours import HUNDRED, find_nearest
from router.baselines.outcomes import Estimates

Learn = Callable[[Memory, Training], Serve]  # from what is known


class Told(StrEnum):
    """What a policy is told of a night's tasks."""

    CHOSEN = "chosen"  # what the strategies that it asked did
    ALL = "all"  # what every strategy would have done
    SAME = "same"  # that, of so few tasks that the outcomes are no more than those of the chosen ones
    APART = "apart"  # as many outcomes of every strategy, no two of the same task


@dataclass(frozen=True, kw_only=True)
class Policy:
    """One way to go through the nights."""

    learn: Learn
    retrains: bool = True  # after nights; else only where a strategy arrives
    explores: bool = False
    told: Told = Told.CHOSEN
    watches: bool = False  # outcomes against predictions, and corrects those
    gated: bool = False  # a new pair, weighted, serves where it is proven to be better than the one before

    def list_told(self, night: Rows, *, place: int, strategies: int) -> Rows:
        """The tasks of a night of which it is told what one strategy, by its place, would have done."""
        first = {Told.SAME: 0, Told.APART: place}
        if self.told in first:
            return night[first[self.told] :: strategies]
        return night if self.told is Told.ALL else night[:0]


def learn_own(memory: Memory, how: Training) -> Serve:
    """Each strategy's pair from its own outcomes."""
    return serve_pairs(train_alike(memory, how), strategies=memory.correct.shape[1])


def learn_weighted(memory: Memory, how: Training) -> Serve:
    """The same, weighted as the product does."""
    return serve_pairs(train_weighted(memory, how), strategies=memory.correct.shape[1])


def learn_neighbours(memory: Memory, how: Training) -> Serve:
    """Each strategy's mean over its own outcomes on the hundred tasks that are nearest."""

    def serve(vectors: Floats) -> Estimates:
        cells = Estimates(*np.full((2, len(vectors), memory.correct.shape[1]), np.nan))
        for strategy in np.flatnonzero(memory.count_outcomes() > 0):
            rows = memory.find_rows(int(strategy))
            nearest = rows[find_nearest(vectors, memory.vectors[rows], HUNDRED)]
            cells.accuracy[:, strategy] = memory.correct[nearest, strategy].mean(axis=1)
            cells.cost[:, strategy] = memory.amount[nearest, strategy].mean(axis=1)
        return cells

    return serve


def learn_means(memory: Memory, how: Training) -> Serve:
    """Each strategy's mean, for every task: what is allocated is the best mixture of fixed strategies."""
    known = np.flatnonzero(memory.count_outcomes() > 0)
    means = np.full((2, memory.correct.shape[1]), np.nan)
    for strategy in known:
        rows = memory.find_rows(int(strategy))
        means[:, strategy] = memory.correct[rows, strategy].mean(), memory.amount[rows, strategy].mean()
    return lambda vectors: Estimates(*(np.tile(row, (len(vectors), 1)) for row in means))


NO_LEARNING, GREEDY, OWN, UNGATED = "no learning", "greedy", "apportion", "no gate"
NEIGHBOURS, FULL, CONSTANT = "kNN memory", "full information", "constant"
SAME, APART = "as many, same tasks", "as many, own tasks"

POLICIES: dict[str, Policy] = {
    NO_LEARNING: Policy(learn=learn_own, retrains=False),
    GREEDY: Policy(learn=learn_own),
    NEIGHBOURS: Policy(learn=learn_neighbours),
    UNGATED: Policy(learn=learn_weighted, explores=True, watches=True),
    OWN: Policy(learn=learn_weighted, explores=True, watches=True, gated=True),
    CONSTANT: Policy(learn=learn_means, told=Told.ALL),
    FULL: Policy(learn=learn_own, told=Told.ALL),
    SAME: Policy(learn=learn_own, told=Told.SAME),
    APART: Policy(learn=learn_own, told=Told.APART),
}
