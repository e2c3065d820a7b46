"""How routers that could be built differ in what they explore, learn from and are told."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from bench.replay_memory import Memory
from bench.replay_world import Cells, Floats
from router.baselines.nearest_neighbours import HUNDRED, find_nearest
from router.baselines.outcomes import Estimates
from router.baselines.trained_pairs import MEAN_TOKENS
from router.fold import FoldedPair, fold_pair
from router.predictor import PredictorConfig
from router.stack import PredictorStack
from router.training import train_pair
from router.training_weights import weigh_outcomes
from worker.training_set import LEAST_CELL_TASKS

SMALLEST_AMOUNT = 1e-300  # a mean that is divided by

Serve = Callable[[Floats], Estimates]  # vectors (tasks, d) -> accuracies and amounts, NaN for who is not there


class Training(NamedTuple):
    """How every pair is trained."""

    config: PredictorConfig
    seed: int


Learn = Callable[[Memory, Serve | None, Training], Serve]  # from what is known, and what serves by now


@dataclass(frozen=True, kw_only=True)
class Policy:
    """One way to go through the nights."""

    learn: Learn
    retrains: bool = True  # after nights; else only where a strategy arrives
    explores: bool = False
    told_all: bool = False  # of every strategy, also of those that it did not ask
    watches: bool = False  # outcomes against predictions, and corrects those


def learn_own(memory: Memory, serving: Serve | None, how: Training) -> Serve:
    """Each strategy's pair from its own outcomes."""
    pairs = {}
    for strategy in np.flatnonzero(memory.count_outcomes() > 0).tolist():
        rows = memory.find_rows(strategy)
        pairs[strategy] = _train(
            memory.vectors[rows], memory.correct[rows, strategy], memory.amount[rows, strategy], how
        )
    return _stack(pairs, strategies=memory.correct.shape[1])


def learn_weighted(memory: Memory, serving: Serve | None, how: Training) -> Serve:
    """As `apportion train` does: chosen outcomes by their clipped chance, clusters of the tasks that nobody chose."""
    pairs = {}
    for strategy in np.flatnonzero(memory.count_outcomes() > 0).tolist():
        rows = memory.find_rows(strategy)
        chance = memory.chance[rows, strategy]
        unchosen = np.isnan(chance)
        have_cells = LEAST_CELL_TASKS <= unchosen.sum() < len(rows)
        pairs[strategy] = _train(
            memory.vectors[rows],
            memory.correct[rows, strategy],
            memory.amount[rows, strategy],
            how,
            weight=weigh_outcomes(np.ones(len(rows)), chance),
            cells=memory.vectors[rows[unchosen]] if have_cells else None,
        )
    return _stack(pairs, strategies=memory.correct.shape[1])


def learn_neighbours(memory: Memory, serving: Serve | None, how: Training) -> Serve:
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


def learn_means(memory: Memory, serving: Serve | None, how: Training) -> Serve:
    """Each strategy's mean, for every task: what is allocated is the best mixture of fixed strategies."""
    known = np.flatnonzero(memory.count_outcomes() > 0)
    means = np.full((2, memory.correct.shape[1]), np.nan)
    for strategy in known:
        rows = memory.find_rows(int(strategy))
        means[:, strategy] = memory.correct[rows, strategy].mean(), memory.amount[rows, strategy].mean()
    return lambda vectors: Estimates(*(np.tile(row, (len(vectors), 1)) for row in means))


def _train(
    vectors: Floats,
    correct: Cells,
    amount: Cells,
    how: Training,
    *,
    weight: Cells | None = None,
    cells: Floats | None = None,
) -> tuple[FoldedPair, float]:
    """A pair, and the amount that one of its output tokens stands for: recordings have costs, not always tokens."""
    scale = max(float(amount.mean()), SMALLEST_AMOUNT) / MEAN_TOKENS
    nothing = np.zeros(vectors.shape[1], dtype=np.float32)
    pair = train_pair(
        vectors,
        correct,
        amount / scale,
        model_vector=nothing,
        decoding_vector=nothing,
        config=how.config,
        seed=how.seed,
        weight=weight,
        cells=cells,
    )
    return fold_pair(pair), scale


def _stack(pairs: dict[int, tuple[FoldedPair, float]], *, strategies: int) -> Serve:
    stack, places = PredictorStack([pair for pair, _ in pairs.values()]), list(pairs)
    scales = np.array([scale for _, scale in pairs.values()])

    def serve(vectors: Floats) -> Estimates:
        predicted = stack.predict(vectors)
        cells = Estimates(*np.full((2, len(vectors), strategies), np.nan))
        cells.accuracy[:, places] = predicted.accuracy
        cells.cost[:, places] = predicted.output_tokens * scales
        return cells

    return serve


NO_LEARNING, GREEDY, OWN = "no learning", "greedy", "apportion"
NEIGHBOURS, FULL, CONSTANT = "kNN memory", "full information", "constant"

POLICIES: dict[str, Policy] = {
    NO_LEARNING: Policy(learn=learn_own, retrains=False),
    GREEDY: Policy(learn=learn_own),
    NEIGHBOURS: Policy(learn=learn_neighbours),
    OWN: Policy(learn=learn_weighted, explores=True, watches=True),
    CONSTANT: Policy(learn=learn_means, told_all=True),
    FULL: Policy(learn=learn_own, told_all=True),
}
