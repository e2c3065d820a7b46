"""What a new strategy would have done with past tasks, from its probes and what known strategies did with those.

Its probes are among the past tasks, so its outcomes there say something of every other: by a Gaussian process
(Rasmussen and Williams 2006, equation 2.23) in which tasks are alike as far as the known strategies did alike there,
and as far as they lie in the same clusters. The first knows how hard a task was and how lucky the draw of probes; the
second what is special about the new strategy on a kind of task. Probes all count 1: what a draw of them lacks, the
known outcomes tell. Nothing of the known strategies is trained.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from router.cold_start.placement import DoubleArray

SMALLEST_SHARE = 1e-3  # of a strategy's mean: what the logarithm of an answer that costs nothing is taken of
LEAST_VARIANCE = 1e-6  # of known logarithms, where every answer costs the same


class Prior(NamedTuple):
    """Variances of a new strategy's outcomes about what is expected, by where they come from."""

    level: float  # it is better or worse everywhere
    known: float  # it does as some known strategies do
    near: float  # it is better or worse in a cluster
    noise: float  # of one outcome


# Within a factor of 2 or 3 each decides as well; a `near` of .03 learns kinds of tasks sooner, and luck (docs/log.md).
CORRECT = Prior(level=0.1, known=0.1, near=0.01, noise=0.15)
LOG_COST = Prior(level=100.0, known=1.0, near=0.1, noise=0.15)  # times the variance of the known ones


class Table(NamedTuple):
    """What strategies did with the same tasks, (n, strategies) each."""

    correct: DoubleArray  # 0..1
    cost: DoubleArray  # or output tokens: anything that is larger where more is said


class Asked(NamedTuple):
    """Which of n tasks new strategies have answered, and how the tasks lie."""

    rows: NDArray[np.intp]  # (probes,)
    labels: NDArray[np.intp]  # (n, partitions), the clusters of every task


def impute_table(known: Table, asked: Asked, answers: Table) -> Table:
    """Expected outcomes (n, new strategies) of strategies whose answers (probes, new strategies) are given.

    Every strategy's column depends on its own answers and the known strategies' only.
    """
    near = _share_clusters(asked)
    usual = known.correct.mean(axis=1, keepdims=True)
    correct = usual + _carry(CORRECT, known.correct, near, asked.rows, answers.correct - usual[asked.rows])
    return Table(np.clip(correct, 0.0, 1.0), _impute_cost(known.cost, near, asked.rows, answers.cost))


def _impute_cost(known: DoubleArray, near: DoubleArray, rows: NDArray[np.intp], answers: DoubleArray) -> DoubleArray:
    """In logarithms, within what was seen, and such that the total of the probes is right."""
    logs, own = _log(known), _log(answers)
    variance = max(float(logs.var(axis=0).mean()), LEAST_VARIANCE)
    prior = Prior(*(variance * part for part in LOG_COST))._replace(known=LOG_COST.known)  # has the variance in it
    expected = own.mean(axis=0) + _carry(prior, logs, near, rows, own - own.mean(axis=0))
    cost = np.exp(np.clip(expected, own.min(axis=0), own.max(axis=0)))
    return np.asarray(cost * (answers.sum(axis=0) / cost[rows].sum(axis=0)))


def _carry(
    prior: Prior, known: DoubleArray, near: DoubleArray, rows: NDArray[np.intp], surprise: DoubleArray
) -> DoubleArray:
    """The surprise (n, new strategies) that is expected of every task, given that of the probes."""
    centered = known - known.mean(axis=0)
    alike = prior.level + prior.known * (centered @ centered[rows].T) / known.shape[1] + prior.near * near
    return np.asarray(alike @ np.linalg.solve(alike[rows] + prior.noise * np.eye(len(rows)), surprise))


def _share_clusters(asked: Asked) -> DoubleArray:
    """The share of partitions (n, probes) in which a task lies in a probe's cluster."""
    partitions = asked.labels.shape[1]
    shared = np.zeros((len(asked.labels), len(asked.rows)))
    for labels in asked.labels.T:
        shared += labels[:, np.newaxis] == labels[asked.rows]
    return np.asarray(shared / partitions)


def _log(cost: DoubleArray) -> DoubleArray:
    least = np.maximum(SMALLEST_SHARE * cost.mean(axis=0), np.finfo(np.float64).tiny)
    return np.asarray(np.log(np.maximum(cost, least)))
