"""What a whole policy would have been worth and would have cost, from outcomes that another one chose by known chances.

Doubly robust (Dudik, Langford and Li 2011): predictions say what every choice would have brought, and outcomes correct
them where the logged choice is the policy's own, weighted by the inverse of its chance.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from router.promotion.clustered import ClusteredMean, estimate_mean

LEAST_ROWS = 100.0  # of equal weight, that the weighted ones have to be as good as
MOST_OF_ONE = 0.1  # of all weight, that one row may have
MOST_UNSEEN = 0.01  # of the policy's choices, that the log could not have made
PRICES = 160  # tried, from free to so dear that nothing but the cheapest is chosen

Cells = NDArray[np.float64]  # (n, strategies)
Floats = NDArray[np.float64]  # (n,)


@dataclass(frozen=True, kw_only=True, eq=False)
class LoggedChoices:
    """Labelled tasks (n,) with the chances that each strategy had of being drawn for them."""

    propensity: Cells
    drawn: NDArray[np.int64]  # the strategy
    correct: Floats  # 0..1
    cost: Floats
    window: NDArray[np.int64]

    def take(self, rows: NDArray[np.bool_]) -> "LoggedChoices":
        """These rows only."""
        return LoggedChoices(
            propensity=self.propensity[rows],
            drawn=self.drawn[rows],
            correct=self.correct[rows],
            cost=self.cost[rows],
            window=self.window[rows],
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Predicted:
    """What some predictor says of the same tasks; NaN in `cost` = the strategy is not allowed."""

    accuracy: Cells
    cost: Cells

    def take(self, rows: NDArray[np.bool_]) -> "Predicted":
        """These rows only."""
        return Predicted(accuracy=self.accuracy[rows], cost=self.cost[rows])

    def choose(self, price: float) -> NDArray[np.int64]:
        """(n,) the strategy of the most accuracy less price times cost, of equal ones the cheapest."""
        worth = self.accuracy - price * self.cost if math.isfinite(price) else -self.cost
        best = np.isclose(worth, np.nanmax(worth, axis=1, keepdims=True), rtol=0, atol=1e-12)
        chosen: NDArray[np.int64] = np.nanargmin(np.where(best, self.cost, np.nan), axis=1)
        return chosen


@dataclass(frozen=True, kw_only=True)
class Support:
    """How far the log can speak for a policy."""

    effective_rows: float  # rows of equal weight that would say as much
    largest_share: float  # of all weight, that one row has
    unseen: float  # share of the policy's choices that the log had no chance to make

    @property
    def is_enough(self) -> bool:
        """Whether anything may be claimed."""
        return self.effective_rows >= LEAST_ROWS and self.largest_share <= MOST_OF_ONE and self.unseen <= MOST_UNSEEN


@dataclass(frozen=True, kw_only=True)
class PolicyValue:
    """Accuracy and cost of a policy, always together."""

    accuracy: ClusteredMean
    cost: ClusteredMean  # of a task


@dataclass(frozen=True, kw_only=True)
class OffPolicyEstimate:
    """What the log says of a policy."""

    support: Support
    value: PolicyValue | None  # None: too little support for a claim


def estimate_policy(log: LoggedChoices, choice: NDArray[np.int64], *, model: Predicted) -> OffPolicyEstimate:
    """Accuracy and cost of giving each task (n,) this strategy, `model` being what is predicted of every one."""
    weight = weigh(log, choice)
    support = _find_support(log, choice, weight)
    if not support.is_enough:
        return OffPolicyEstimate(support=support, value=None)
    accuracy = _correct(log, choice, weight, model=model.accuracy, seen=log.correct)
    cost = _correct(log, choice, weight, model=model.cost, seen=log.cost)
    return OffPolicyEstimate(
        support=support,
        value=PolicyValue(accuracy=estimate_mean(accuracy, log.window), cost=estimate_mean(cost, log.window)),
    )


def estimate_at_cost(log: LoggedChoices, *, policy: Predicted, model: Predicted, cost: float) -> OffPolicyEstimate:
    """What choosing by `policy` at a price is worth, the price being fitted to cost this much a task.

    Every other window's price is fitted on the windows between them, so that no outcome helps to choose what it judges.
    """
    _, place = np.unique(log.window, return_inverse=True)
    choice = np.empty(len(log.drawn), dtype=np.int64)
    for half in (0, 1):
        judged = place % 2 == half
        price = fit_price(log.take(~judged), policy=policy.take(~judged), model=model.take(~judged), cost=cost)
        choice[judged] = policy.take(judged).choose(price)
    return estimate_policy(log, choice, model=model)


def fit_price(log: LoggedChoices, *, policy: Predicted, model: Predicted, cost: float) -> float:
    """The lowest price at which, by the log, the policy costs no more than `cost` a task; infinity where none does."""
    worth_least = float(np.nanmin(policy.cost[policy.cost > 0], initial=math.inf))
    for price in (0.0, *np.geomspace(1e-4, 1e2, PRICES) / worth_least):
        choice = policy.choose(price)
        weight = weigh(log, choice)
        if _correct(log, choice, weight, model=model.cost, seen=log.cost).mean() <= cost:
            return float(price)
    return math.inf


def weigh(log: LoggedChoices, choice: NDArray[np.int64]) -> Floats:
    """(n,) inverse chance of the rows whose drawn strategy is the chosen one, 0 for the others."""
    rows = np.arange(len(choice))
    weight: Floats = np.where(log.drawn == choice, 1 / log.propensity[rows, log.drawn], 0.0)
    return weight


def _correct(log: LoggedChoices, choice: NDArray[np.int64], weight: Floats, *, model: Cells, seen: Floats) -> Floats:
    rows = np.arange(len(choice))
    corrected: Floats = model[rows, choice] + weight * (seen - model[rows, log.drawn])
    return corrected


def _find_support(log: LoggedChoices, choice: NDArray[np.int64], weight: Floats) -> Support:
    total = float(weight.sum())
    return Support(
        effective_rows=total**2 / float(weight @ weight) if total else 0.0,
        largest_share=float(weight.max()) / total if total else 1.0,
        unseen=float((log.propensity[np.arange(len(choice)), choice] <= 0).mean()),
    )
