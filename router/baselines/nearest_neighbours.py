"""Mean outcomes of the k nearest tasks: the baseline that many learned routers lose to.

Hu et al. 2024 (RouterBench, arXiv 2403.12031), section 4; k is chosen on validation outcomes.
"""

import numpy as np
from numpy.typing import NDArray

from router.baselines.outcomes import Cells, Estimates, FloatArray, Outcomes, Predict, Tasks, join

HUNDRED = 100
NEIGHBOURS = (5, 10, 20, 40, 70, 100, 150)
BLOCK_TASKS = 512


def fit_nearest_neighbours(train: Outcomes, validation: Outcomes, seed: int) -> Predict:
    """All outcomes as neighbours, as many of them as had the least squared error of accuracy on the validation part."""
    return _look_up(join(train, validation), choose_neighbours(train, validation))


def fit_hundred_neighbours(train: Outcomes, validation: Outcomes, seed: int) -> Predict:
    """All outcomes as neighbours, a hundred of them: more than accuracy wants, and steadier between strategies."""
    return _look_up(join(train, validation), HUNDRED)


def _look_up(seen: Outcomes, neighbours: int) -> Predict:

    def predict(tasks: Tasks) -> Estimates:
        nearest = find_nearest(tasks.embeddings, seen.embeddings, neighbours)
        return Estimates(mean_of(seen.correct, nearest), mean_of(seen.cost, nearest))

    return predict


def choose_neighbours(train: Outcomes, validation: Outcomes) -> int:
    """The k of the least squared error of validation accuracy, neighbours taken from the training part."""
    nearest = find_nearest(validation.embeddings, train.embeddings, max(NEIGHBOURS))
    usable = [k for k in NEIGHBOURS if k <= nearest.shape[1]] or [nearest.shape[1]]
    errors = [np.square(mean_of(train.correct, nearest[:, :k]) - validation.correct).mean() for k in usable]
    return usable[int(np.argmin(errors))]


def find_nearest(embeddings: FloatArray, seen: FloatArray, neighbours: int) -> NDArray[np.intp]:
    """Rows of `seen` nearest to each embedding, (m, neighbours), nearest first."""
    neighbours = min(neighbours, len(seen))
    half_norms = 0.5 * np.einsum("nd,nd->n", seen, seen)
    found = np.empty((len(embeddings), neighbours), dtype=np.intp)
    for start in range(0, len(embeddings), BLOCK_TASKS):
        block = slice(start, start + BLOCK_TASKS)
        distance = half_norms - embeddings[block] @ seen.T  # (block, n), half the squared distance up to a constant
        rows = np.argpartition(distance, neighbours - 1, axis=1)[:, :neighbours]
        inner = np.argsort(np.take_along_axis(distance, rows, axis=1), axis=1, kind="stable")
        found[block] = np.take_along_axis(rows, inner, axis=1)
    return found


def mean_of(cells: Cells, rows: NDArray[np.intp]) -> Cells:
    """Mean over neighbours of cells (n, strategies), for rows (m, neighbours)."""
    total = np.zeros((len(rows), cells.shape[1]))
    for column in rows.T:
        total += cells[column]
    return np.asarray(total / rows.shape[1])
