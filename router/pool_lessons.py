"""What every strategy would have done with every task of the past, where only the chosen one was seen.

A pair trained on its strategy's own outcomes alone knows tasks that others do not, and what was easy or hard about them
by chance stays in the differences between strategies, which are all that an allocator acts on. So every strategy is
taught all tasks: its own outcome where there is one, else what is expected of it, corrected by how much better or worse
than expected the seen strategies did there (regression estimation, Cochran 1977, chapter 7; docs/log.md has what it is
worth). As all tasks are among the lessons, it does not matter which were chosen for whom.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Cells = NDArray[np.float64]
Flags = NDArray[np.bool_]

LEAST_COMMON = 60  # tasks that all strategies have answered; from fewer, no luck of one says anything of another's
RIDGE = 1e-3  # of a variance: strategies that always agree leave a matrix that can be solved
SEEN_WEIGHT = 2.0  # of an outcome that was seen, where one that is expected counts 1


class Expected(NamedTuple):
    """What is predicted of every strategy on n tasks, (n, strategies) each."""

    correct: Cells  # 0..1
    output_tokens: Cells


class Seen(NamedTuple):
    """What strategies did with n tasks, (n, strategies) each; NaN where they were not asked."""

    correct: Cells  # 0..1
    output_tokens: Cells


class Lessons(NamedTuple):
    """What each strategy's pair is trained on, (n, strategies) each: no cell is NaN."""

    correct: Cells  # 0..1
    output_tokens: Cells
    weight: Cells


def teach_pool(seen: Seen, expected: Expected) -> Lessons:
    """Seen outcomes as they are, the others as expected, more where the strategies that were seen had luck.

    How one strategy's luck goes with another's is learnt from the tasks that all of them have answered.
    """
    known = np.isfinite(seen.correct)
    surprise = np.where(known, seen.correct - expected.correct, 0.0)
    shared = _share_luck(surprise, known)
    return Lessons(
        correct=np.where(known, seen.correct, np.clip(expected.correct + shared, 0.0, 1.0)),
        output_tokens=np.where(np.isfinite(seen.output_tokens), seen.output_tokens, expected.output_tokens),
        weight=np.where(known, SEEN_WEIGHT, 1.0),
    )


def _share_luck(surprise: Cells, known: Flags) -> Cells:
    """The surprise (n, strategies) that is expected of every strategy, given those that are known."""
    common = known.all(axis=1)
    shared = np.zeros_like(surprise)
    if common.sum() < LEAST_COMMON:
        return shared
    covariance = np.cov(surprise[common], rowvar=False) + RIDGE * np.eye(surprise.shape[1])
    patterns, pattern_of = np.unique(known, axis=0, return_inverse=True)
    for number, pattern in enumerate(patterns):
        asked, rows = np.flatnonzero(pattern), pattern_of == number
        slopes = np.linalg.solve(covariance[np.ix_(asked, asked)], covariance[asked])  # (asked, strategies)
        shared[rows] = surprise[np.ix_(rows, asked)] @ slopes
    return shared
