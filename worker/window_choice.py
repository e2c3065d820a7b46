"""The choice for one window, priced with everything that is still to be routed, under the money expected to be left."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from db.predictions import Predictions
from router.allocate import allocate
from router.allocation import DEFERRED, Allocation, Deferral
from router.errors import InfeasibleBudget
from router.objective import allocate_weighted
from worker.objective import Mode, Objective

# Settled cost worth this share of the cap is needed before the observed ratio is believed half-way.
RATIO_PRIOR_SHARE = 0.1
RATIO_BOUNDS = (0.25, 4.0)


@dataclass(frozen=True, kw_only=True)
class Money:
    """What routing knows of a job's spending, in quanta."""

    cap: int | None
    settled: int  # what finished tasks cost
    burned: int  # charged for work that was lost
    reserved: int
    kept: int  # promised to tasks that were not started, at their least worst cases
    routed: int  # predicted cost of all windows routed so far
    in_flight: int  # predicted cost of what is routed and not settled

    @property
    def ratio(self) -> float:
        """Settled cost per predicted cost, drawn towards 1 while little is settled."""
        prior = max(1.0, RATIO_PRIOR_SHARE * (self.cap or self.routed))
        # Burned money says nothing about what answers cost, and its tasks are in flight again.
        predicted = max(0, self.routed - self.in_flight)
        low, high = RATIO_BOUNDS
        return min(high, max(low, (self.settled + prior) / (predicted + prior)))

    @property
    def left(self) -> int:
        """What nobody has reserved; only for a budget with a cap."""
        assert self.cap is not None
        return max(0, self.cap - self.settled - self.burned - self.reserved)


@dataclass(frozen=True, kw_only=True, eq=False)
class WindowChoice:
    """What becomes of a window's tasks."""

    choice: NDArray[np.int64]  # (window's tasks,) column of the strategy, DEFERRED for none
    allocation: Allocation | None  # over all tasks that were priced together
    allowance: int | None  # quanta that those tasks may cost, as predicted


def choose_for_window(
    predictions: Predictions, *, window_tasks: int, objective: Objective, money: Money
) -> WindowChoice:
    """Strategies for the first `window_tasks` rows; the rows after them are the backlog that shares the budget.

    Every row has a strategy that can serve it.
    """
    if objective.mode is Mode.WEIGHT:
        assert objective.w is not None
        assert objective.reference_cost is not None
        window = slice(window_tasks)
        weighted = allocate_weighted(
            predictions.accuracy[window], predictions.cost[window], objective.w, objective.reference_cost
        )
        return WindowChoice(choice=weighted.choice, allocation=weighted, allowance=None)
    allowance = _expect_left(objective, money)
    if objective.mode is Mode.BUDGET:
        allowance -= _find_margin(predictions)
    try:
        allocation = allocate(predictions.accuracy, predictions.cost, max(0.0, allowance))
    except InfeasibleBudget:
        # Admission goes by worst cases and real settlements: nothing is given up because of a prediction.
        cheapest = np.nanargmin(predictions.cost[:window_tasks], axis=1)
        return WindowChoice(choice=cheapest, allocation=None, allowance=max(0, int(allowance)))
    return WindowChoice(choice=allocation.choice[:window_tasks], allocation=allocation, allowance=int(allowance))


def choose_guaranteed(predictions: Predictions, *, kept_for_others: int, money: Money) -> WindowChoice:
    """Strategies for denied tasks whose worst cases fit what is left; DEFERRED for those that fit no more.

    `kept_for_others` is what every other task that was not started needs at its least worst case.
    """
    room = max(0, money.left - kept_for_others)
    allocation = allocate(predictions.accuracy, predictions.worst_cost, room, deferral=Deferral.SERVE_MOST)
    choice = allocation.choice
    if money.reserved:
        # Settlements will give some of it back: these wait for them in a group, and are given up only after that.
        choice = np.where(choice == DEFERRED, np.nanargmin(predictions.worst_cost, axis=1), choice)
    return WindowChoice(choice=choice, allocation=allocation, allowance=room)


def find_affordable(worst_cost: NDArray[np.float64], wanted: NDArray[np.bool_], *, money: Money) -> NDArray[np.bool_]:
    """Which of the wanted cells (tasks, strategies) can be had at their worst: all that fit, the cheapest first.

    All of them while something is reserved: then settlements will give money back, for which they can wait.
    """
    if money.cap is None or money.reserved:
        return wanted
    costs = np.where(wanted, worst_cost, np.inf).ravel()
    order = np.argsort(costs, kind="stable")
    affordable = np.zeros(costs.shape, dtype=bool)
    left = money.left
    for cell in order[: int(wanted.sum())].tolist():
        left -= int(costs[cell])
        affordable[cell] = left >= 0
    return affordable.reshape(wanted.shape)


def _expect_left(objective: Objective, money: Money) -> float:
    """Money that the priced tasks may cost, in predicted quanta."""
    if objective.mode is Mode.TARGET:
        assert objective.planned_cost is not None
        return float(objective.planned_cost - money.routed)
    assert objective.cap is not None
    return (objective.cap - money.settled - money.burned - money.ratio * money.in_flight) / money.ratio


def _find_margin(predictions: Predictions) -> float:
    """Kept back so that the very last task can reserve its worst case without waiting for more than there is."""
    cheapest = np.nanargmin(predictions.worst_cost, axis=1)[:, None]
    excess = np.take_along_axis(predictions.worst_cost - predictions.cost, cheapest, axis=1)
    return float(excess.max(initial=0.0))
