"""Each strategy's pair from what is known of it, as it would be trained and served."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from bench.replay_memory import Memory
from bench.replay_world import Cells, Floats, Rows
from router.baselines.outcomes import Estimates
from router.baselines.trained_pairs import MEAN_TOKENS
from router.fold import FoldedPair, fold_pair
from router.held_out import OutOfFold
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


class Trained(NamedTuple):
    """A strategy's pair and what it learnt from."""

    pair: FoldedPair
    scale: float  # the amount that one of its output tokens stands for: recordings have costs, not always tokens
    rows: Rows  # (n,) the tasks
    weight: Cells  # (n,)
    held_out: OutOfFold


def train_alike(memory: Memory, how: Training) -> dict[int, Trained]:
    """By strategy, from its own outcomes, which count alike."""
    known = np.flatnonzero(memory.count_outcomes() > 0).tolist()
    return {strategy: _train(memory, strategy, how, weight=None, cells=None) for strategy in known}


def train_weighted(memory: Memory, how: Training) -> dict[int, Trained]:
    """As `apportion train` does: chosen outcomes by their clipped chance, clusters of the tasks that nobody chose."""
    trained = {}
    for strategy in np.flatnonzero(memory.count_outcomes() > 0).tolist():
        rows = memory.find_rows(strategy)
        chance = memory.chance[rows, strategy]
        unchosen = np.isnan(chance)
        have_cells = LEAST_CELL_TASKS <= unchosen.sum() < len(rows)
        trained[strategy] = _train(
            memory,
            strategy,
            how,
            weight=weigh_outcomes(np.ones(len(rows)), chance),
            cells=memory.vectors[rows[unchosen]] if have_cells else None,
        )
    return trained


def _train(memory: Memory, strategy: int, how: Training, *, weight: Cells | None, cells: Floats | None) -> Trained:
    rows = memory.find_rows(strategy)
    amount = memory.amount[rows, strategy]
    scale = max(float(amount.mean()), SMALLEST_AMOUNT) / MEAN_TOKENS
    nothing = np.zeros(memory.vectors.shape[1], dtype=np.float32)
    pair = train_pair(
        memory.vectors[rows],
        memory.correct[rows, strategy],
        amount / scale,
        model_vector=nothing,
        decoding_vector=nothing,
        config=how.config,
        seed=how.seed,
        weight=weight,
        cells=cells,
    )
    return Trained(fold_pair(pair), scale, rows, np.ones(len(rows)) if weight is None else weight, pair.held_out)


def serve_pairs(trained: Mapping[int, Trained], *, strategies: int) -> Serve:
    """Predictions of all of them together."""
    stack, places = PredictorStack([one.pair for one in trained.values()]), list(trained)
    scales = np.array([one.scale for one in trained.values()])

    def serve(vectors: Floats) -> Estimates:
        predicted = stack.predict(vectors)
        cells = Estimates(*np.full((2, len(vectors), strategies), np.nan))
        cells.accuracy[:, places] = predicted.accuracy
        cells.cost[:, places] = predicted.output_tokens * scales
        return cells

    return serve
