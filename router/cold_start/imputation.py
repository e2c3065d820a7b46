"""What a new strategy would have done with past tasks, from what known strategies did with them.

Its probes are among the past tasks, so its outcomes there can be regressed on those of the known strategies, and the
regression read off for every other past task (regression estimation, Cochran 1977, chapter 7). It knows how hard a task
was and how lucky the draw of probes, and nothing of what is special about the new strategy on a kind of task; means of
the probes near a task know just that. A pair taught half of each learns from all past tasks instead of the probes
alone. Nothing of the known strategies is trained.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from router.cold_start.placement import DoubleArray

IMPUTED_SHARE = 0.5  # of what a pair is taught; the rest is the mean of the probes near a task (docs/log.md)
PENALTY = 10.0  # of squared slopes on outcomes of 0 or 1; a third or three times as much is no worse (docs/log.md)
SMALLEST_SHARE = 1e-3  # of a strategy's mean: what the logarithm of an answer that costs nothing is taken of


class Table(NamedTuple):
    """What strategies did with the same tasks, (n, strategies) each."""

    correct: DoubleArray  # 0..1
    cost: DoubleArray  # or output tokens: anything that is larger where more is said


class Asked(NamedTuple):
    """Which of the n tasks a new strategy has answered."""

    rows: NDArray[np.intp]  # (probes,)
    weight: DoubleArray  # (probes,)


def impute_table(known: Table, asked: Asked, answers: Table) -> Table:
    """Expected outcomes (n, new strategies) of strategies whose answers (probes, new strategies) are given.

    Every strategy's column depends on its own answers and the known strategies' only.
    """
    correct = _regress(known.correct, asked, answers.correct)
    logs = _regress(_log(known.cost), asked, _log(answers.cost))
    lowest, highest = _log(answers.cost).min(axis=0), _log(answers.cost).max(axis=0)
    cost = np.exp(np.clip(logs, lowest, highest))
    smearing = (asked.weight @ answers.cost) / (asked.weight @ cost[asked.rows])
    return Table(np.clip(correct, 0.0, 1.0), cost * smearing)


def mix_lessons(imputed: DoubleArray, near: DoubleArray) -> DoubleArray:
    """What a pair is taught of past tasks: imputed correctness, and the mean of the probes near each task."""
    return IMPUTED_SHARE * imputed + (1 - IMPUTED_SHARE) * near


def _regress(known: DoubleArray, asked: Asked, answers: DoubleArray) -> DoubleArray:
    """Ridge regression of each column of answers on the known columns, for every row of them."""
    seen = known[asked.rows]
    center, level = (np.average(cells, axis=0, weights=asked.weight) for cells in (seen, answers))
    weighted = (seen - center) * asked.weight[:, np.newaxis]
    gram = (seen - center).T @ weighted + PENALTY * np.eye(known.shape[1])
    return np.asarray(level + (known - center) @ np.linalg.solve(gram, weighted.T @ (answers - level)))


def _log(cost: DoubleArray) -> DoubleArray:
    least = np.maximum(SMALLEST_SHARE * cost.mean(axis=0), np.finfo(np.float64).tiny)
    return np.asarray(np.log(np.maximum(cost, least)))
