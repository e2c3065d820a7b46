"""The choice for one window, priced with everything that is still to be routed, under the money expected to be left.

A small backlog is allocated together with the window, exactly; a large one is known by its sketch.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from db.predictions import Predictions
from router.allocate import allocate
from router.allocation import DEFERRED, Allocation, Deferral
from router.engine_time import EngineTime, TimedAllocation, allocate_in_time
from router.errors import InfeasibleBudget
from router.objective import allocate_weighted
from router.pacing.window import pace_window
from worker.job_backlog import Unrouted, find_margin
from worker.objective import Mode, Objective
from worker.prediction_rows import offer_none, take_rows

# Settled cost worth this share of the cap, or so many tasks' share of it, is needed before the observed ratio is
# believed half-way.
RATIO_PRIOR_SHARE = 0.1
RATIO_PRIOR_TASKS = 200
RATIO_BOUNDS = (0.25, 4.0)
NOBODY = "no answer"  # among the names of engines


@dataclass(frozen=True, kw_only=True)
class Money:
    """What routing knows of a job's spending, in quanta."""

    tasks: int  # of the job
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
        prior_share = min(RATIO_PRIOR_SHARE, RATIO_PRIOR_TASKS / max(self.tasks, 1))
        prior = max(1.0, prior_share * (self.cap or self.routed))
        # Burned money says nothing about what answers cost, and its tasks are in flight again.
        predicted = max(0, self.routed - self.in_flight)
        low, high = RATIO_BOUNDS
        return min(high, max(low, (self.settled + prior) / (predicted + prior)))

    @property
    def left(self) -> int:
        """What nobody has reserved; only for a budget with a cap."""
        assert self.cap is not None
        return max(0, self.cap - self.settled - self.burned - self.reserved)

    @property
    def expected_left(self) -> float:
        """What the tasks that are not routed may cost, in predicted quanta; only for a budget with a cap."""
        assert self.cap is not None
        return (self.cap - self.settled - self.burned - self.ratio * self.in_flight) / self.ratio


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """What proves how good a choice is, over all tasks that were priced together."""

    shadow_price: float
    upper_bound: float
    gap: float


@dataclass(frozen=True, kw_only=True, eq=False)
class WindowChoice:
    """What becomes of a window's tasks."""

    choice: NDArray[np.int64]  # (window's tasks,) column of the strategy, DEFERRED for none
    certificate: Certificate | None
    allowance: int | None  # quanta that all tasks priced together may cost, as predicted
    timed: TimedAllocation | None = None  # with what the job's deadline made of it


def choose_weighted(predictions: Predictions, *, objective: Objective, time: EngineTime | None = None) -> WindowChoice:
    """Strategies under a weight, which knows no budget: each task by itself, but for the window's share of `time`."""
    assert objective.w is not None
    assert objective.reference_cost is not None
    weighted = allocate_weighted(predictions.accuracy, predictions.cost, objective.w, objective.reference_cost)
    if time is None:
        return WindowChoice(choice=weighted.choice, certificate=_certify(weighted), allowance=None)
    worth = objective.w * predictions.accuracy - (1 - objective.w) * predictions.cost / objective.reference_cost
    timed = allocate_in_time(worth, predictions.cost, math.inf, time)
    return WindowChoice(choice=timed.allocation.choice, certificate=_certify(weighted), allowance=None, timed=timed)


def choose_jointly(
    predictions: Predictions, *, window_tasks: int, objective: Objective, money: Money, time: EngineTime | None = None
) -> WindowChoice:
    """Strategies for the first `window_tasks` rows; the rows after them are the backlog that shares the budget.

    Every row has a strategy that can serve it. With `time` all of them are to end before its deadline.
    """
    allowance, strategies = _expect_left(objective, money, margin=find_margin(predictions)), predictions.cost.shape[1]
    if objective.leaves_out:
        predictions, time = offer_none(predictions), time and time.with_free(NOBODY)
    try:
        together = _allocate(predictions, max(0.0, allowance), time)
    except InfeasibleBudget:
        return _choose_cheapest(take_rows(predictions, slice(window_tasks)), allowance)
    choice = _leave_out(together.choice[:window_tasks], strategies=strategies)
    return replace(together, choice=choice, allowance=int(allowance))


def choose_at_price(
    window: Predictions, *, rest: Unrouted, objective: Objective, money: Money, time: EngineTime | None = None
) -> WindowChoice:
    """Strategies for a window's rows at the price that they have with the rest, in time that does not grow with it.

    Every row has a strategy that can serve it. `time` is the window's share of what its job's engines have.
    """
    allowance = _expect_left(objective, money, margin=max(rest.margin, find_margin(window)))
    strategies = window.cost.shape[1]
    if objective.leaves_out:
        window, time = offer_none(window), time and time.with_free(NOBODY)
    try:
        paced = pace_window(window.accuracy, window.cost, rest=rest.sketch, money=allowance)
    except InfeasibleBudget:
        return _choose_cheapest(window, allowance)
    allocation, timed = paced.allocation, None
    if time is not None:
        timed = allocate_in_time(window.accuracy, window.cost, paced.allowance, time)
        allocation = timed.allocation
    gap = paced.gap + paced.allocation.accuracy - allocation.accuracy
    certificate = Certificate(shadow_price=paced.price.value, upper_bound=paced.upper_bound, gap=max(gap, 0.0))
    choice = _leave_out(allocation.choice, strategies=strategies)
    return WindowChoice(choice=choice, certificate=certificate, allowance=int(allowance), timed=timed)


def choose_guaranteed(
    predictions: Predictions, *, kept_for_others: int, money: Money, deferral: Deferral | None = None
) -> WindowChoice:
    """Strategies for denied tasks whose worst cases fit what is left; DEFERRED for those that fit no more.

    `kept_for_others` is what every other task that was not started needs at its least worst case.
    """
    room = max(0, money.left - kept_for_others)
    which = deferral or Deferral.SERVE_MOST
    allocation = allocate(predictions.accuracy, predictions.worst_cost, room, deferral=which)
    choice = allocation.choice
    if money.reserved:
        # Settlements will give some of it back: these wait for them in a group, and are given up only after that.
        choice = np.where(choice == DEFERRED, np.nanargmin(predictions.worst_cost, axis=1), choice)
    return WindowChoice(choice=choice, certificate=_certify(allocation), allowance=room)


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


def _allocate(predictions: Predictions, budget: float, time: EngineTime | None) -> WindowChoice:
    if time is None:
        free = allocate(predictions.accuracy, predictions.cost, budget)
        return WindowChoice(choice=free.choice, certificate=_certify(free), allowance=None)
    timed = allocate_in_time(predictions.accuracy, predictions.cost, budget, time)
    return WindowChoice(
        choice=timed.allocation.choice, certificate=_certify(timed.allocation), allowance=None, timed=timed
    )


def _leave_out(choice: NDArray[np.int64], *, strategies: int) -> NDArray[np.int64]:
    """The choice with DEFERRED for the column of no answer, which is the one behind the strategies'."""
    return np.where(choice == strategies, DEFERRED, choice)


def _choose_cheapest(window: Predictions, allowance: float) -> WindowChoice:
    """Where the predictions do not fit: admission goes by worst cases and real settlements, so nothing is given up."""
    cheapest = np.nanargmin(window.cost, axis=1)
    return WindowChoice(choice=cheapest, certificate=None, allowance=max(0, int(allowance)))


def _certify(allocation: Allocation) -> Certificate:
    return Certificate(shadow_price=allocation.shadow_price, upper_bound=allocation.upper_bound, gap=allocation.gap)


def _expect_left(objective: Objective, money: Money, *, margin: float) -> float:
    """Money that the priced tasks may cost, in predicted quanta.

    Of a budget a margin is kept back, so that the very last task can reserve its worst case without waiting for more
    than there is, and what exploring may cost.
    """
    if objective.mode is Mode.TARGET:
        assert objective.planned_cost is not None
        return float(objective.planned_cost - money.routed)
    planned_with = 1.0 if objective.exploration is None else 1 - objective.exploration.share
    return planned_with * (money.expected_left - margin)
