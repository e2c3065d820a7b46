"""What a failure of one strategy says about the others: a shift of their log-odds.

    P(B is right | x, A's answer is invalid) = sigmoid(logit P(B is right | x) + shift of (failure, A, B))

The prediction knows how hard a task looks; the shift is what the failure adds to that. A strategy's shift for its own
failure says how likely an answer is right that is kept, where the failure leaves that open.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from router.second_chance import Failure

# Where nothing was learnt: about what the example night's calibration shows over all pairs (docs/log.md). A prediction
# knows most of how hard a task is; that nothing could be read says a little more.
PRIOR_OTHER = {Failure.NO_ANSWER: -0.4, Failure.CHECK_FAILED: -0.1, Failure.DISAGREEMENT: 0.0}
PRIOR_OWN = -1.5  # of a close vote's answer
POOLED_DEVIATION = 1.0  # of all pairs together from the prior
PAIR_DEVIATION = 0.5  # of one pair from all of them
CERTAIN = 1e-4  # predictions are kept this far from 0 and 1
FARTHEST = 12.0  # from the prior: log-odds that leave nothing open
STEPS = 50  # halvings of that: beyond a float's precision


class FailedTasks(NamedTuple):
    """Tasks that all strategies were asked and one failed."""

    predicted: NDArray[np.float64]  # (tasks, strategies) of every strategy's accuracy, before anything was asked
    correct: NDArray[np.float64]  # (tasks, strategies) 0..1, NaN where it is not known


Evidence = Mapping[tuple[Failure, int], FailedTasks]  # by failure and by the column of the strategy that failed


@dataclass(frozen=True, kw_only=True, eq=False)
class FailureShifts:
    """Shifts of log-odds: (strategies that failed, strategies asked instead) for each failure."""

    of: Mapping[Failure, NDArray[np.float64]]

    def condition(
        self, accuracy: NDArray[np.float64], *, failures: Sequence[Failure], failed: Sequence[int]
    ) -> NDArray[np.float64]:
        """(tasks, strategies) accuracies, once each task's `failed` column was asked and failed; NaN stays NaN."""
        shift = np.array([self.of[failure][column] for failure, column in zip(failures, failed, strict=True)])
        return _sigmoid(_logit(np.asarray(accuracy, dtype=np.float64)) + shift.reshape(accuracy.shape))

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {failure.value: shifts.round(4).tolist() for failure, shifts in self.of.items()}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "FailureShifts":
        """What `to_json` wrote."""
        return cls(of={failure: np.array(value[failure.value], dtype=np.float64) for failure in Failure})


def learn_shifts(evidence: Evidence, *, strategies: int) -> FailureShifts:
    """The shifts that tasks asked of all strategies show, drawn to what all pairs show together, and that to the prior.

    The most probable ones under normal priors (logistic regression with an offset and one coefficient a pair).
    """
    return FailureShifts(of={failure: _learn(failure, evidence, strategies=strategies) for failure in Failure})


def _learn(failure: Failure, evidence: Evidence, *, strategies: int) -> NDArray[np.float64]:
    others, own = [], []
    for failed in range(strategies):
        if (failure, failed) in evidence:
            columns = [_known(evidence[failure, failed], column) for column in range(strategies)]
            own.append(columns.pop(failed))
            others += columns
    pooled = _fit(_join(others), mean=PRIOR_OTHER[failure], deviation=POOLED_DEVIATION)
    kept = _fit(_join(own), mean=PRIOR_OWN, deviation=POOLED_DEVIATION)
    shifts = np.full((strategies, strategies), pooled)
    np.fill_diagonal(shifts, kept)
    for failed, asked in np.ndindex(strategies, strategies):
        if (failure, failed) in evidence:
            known = _known(evidence[failure, failed], asked)
            prior = kept if asked == failed else pooled
            shifts[failed, asked] = _fit(known, mean=prior, deviation=PAIR_DEVIATION)
    return shifts


class _Known(NamedTuple):
    logit: NDArray[np.float64]  # (tasks,)
    correct: NDArray[np.float64]  # (tasks,)


def _known(tasks: FailedTasks, column: int) -> _Known:
    known = ~np.isnan(tasks.correct[:, column]) & ~np.isnan(tasks.predicted[:, column])
    return _Known(_logit(tasks.predicted[known, column]), tasks.correct[known, column])


def _join(parts: Sequence[_Known]) -> _Known:
    empty = _Known(np.empty(0), np.empty(0))
    return _Known(*(np.concatenate(column) for column in zip(empty, *parts, strict=True)))


def _fit(known: _Known, *, mean: float, deviation: float) -> float:
    """The most probable shift; the derivative falls all the way, so it is found by halving."""
    reach = min(deviation**2 * len(known.logit), FARTHEST)  # each task pulls with less than 1
    low, high = mean - reach, mean + reach
    for _ in range(STEPS):
        middle = (low + high) / 2
        pull = float(np.sum(known.correct - _sigmoid(known.logit + middle))) - (middle - mean) / deviation**2
        low, high = (middle, high) if pull > 0 else (low, middle)
    return (low + high) / 2


def _logit(probability: NDArray[np.float64]) -> NDArray[np.float64]:
    safe = np.clip(probability, CERTAIN, 1 - CERTAIN)
    return np.asarray(np.log(safe) - np.log1p(-safe))


def _sigmoid(logit: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((1 + np.tanh(logit / 2)) / 2)  # which overflows nowhere
