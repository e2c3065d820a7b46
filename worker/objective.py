"""What a job wants: a budget, a weight between accuracy and cost, or an accuracy to reach."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from db.predictions import Predictions
from router.allocation import Deferral
from router.objective import allocate_target
from router.tariff import Tariff
from router.units import Amount, BudgetPercent, Unit, format_amount
from worker.errors import BudgetTooSmall
from worker.exploration_terms import ExplorationTerms
from worker.second_chance_terms import SecondChanceTerms

LAST_TASKS = 16  # for which a percentage leaves room: as many as are reserved together


class Mode(StrEnum):
    """Which of the three questions the allocator answers."""

    BUDGET = "budget"  # the most accuracy for a budget
    WEIGHT = "weight"  # w * accuracy - (1 - w) * cost / reference cost, task by task
    TARGET = "target"  # the least cost for a mean accuracy


@dataclass(frozen=True, kw_only=True)
class Objective:
    """What the job wants, with every number settled at submission; kept with the job."""

    mode: Mode
    unit: Unit
    stated: str  # as the user wrote it
    cap: int | None = None  # quanta; only a budget limits spending
    w: float | None = None
    reference_cost: float | None = None  # quanta; what a cost is measured against under a weight
    target_accuracy: float | None = None
    planned_cost: int | None = None  # quanta; the least predicted cost that reaches the target
    shared: str | None = None  # the name of the budget that is shared with other jobs; `cap` is what it had left then
    exploration: ExplorationTerms | None = None  # None: every task gets what is best for the job
    second_chances: SecondChanceTerms | None = None  # None: every task is answered once
    deferral: Deferral | None = None  # which tasks go without an answer where the money does not reach all

    @property
    def leaves_out(self) -> bool:
        """Whether the tasks that are worth least may go without an answer, so that others get a better one."""
        return self.deferral is Deferral.MOST_VALUABLE

    def to_json(self) -> dict[str, Any]:
        """The objective as JSON values; the cap as text, since it may pass 2**53."""
        return {
            "mode": self.mode,
            "unit": self.unit,
            "stated": self.stated,
            "cap": None if self.cap is None else str(self.cap),
            "w": self.w,
            "reference_cost": self.reference_cost,
            "target_accuracy": self.target_accuracy,
            "planned_cost": None if self.planned_cost is None else str(self.planned_cost),
            "shared": self.shared,
            "exploration": None if self.exploration is None else self.exploration.to_json(),
            "second_chances": None if self.second_chances is None else self.second_chances.to_json(),
            "deferral": self.deferral,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Objective":
        """The objective that `to_json` wrote."""
        amounts = {name: None if value[name] is None else int(value[name]) for name in ("cap", "planned_cost")}
        terms = value.get("exploration")  # jobs of earlier releases have no word of it
        exploration = None if terms is None else ExplorationTerms.from_json(terms)
        again = value.get("second_chances")
        second_chances = None if again is None else SecondChanceTerms.from_json(again)
        deferral = None if value.get("deferral") is None else Deferral(value["deferral"])
        named = {"mode": Mode(value["mode"]), "unit": Unit(value["unit"]), "deferral": deferral}
        return cls(**{**value, **amounts, **named, "exploration": exploration, "second_chances": second_chances})


@dataclass(frozen=True, kw_only=True)
class SharedBudget:
    """A budget that several jobs draw on, as it stands when one of them is planned."""

    id: int
    name: str
    unit: Unit
    free: int  # quanta; neither committed nor promised to other jobs


@dataclass(frozen=True, kw_only=True)
class Request:
    """An objective as the user stated it, before costs are known: exactly one of these."""

    stated: str
    budget: Amount | BudgetPercent | SharedBudget | None = None
    shared_name: str | None = None  # of a shared budget that is still to be looked up
    w: float | None = None
    target_accuracy: float | None = None
    deferral: Deferral | None = None  # which tasks go without where a budget does not reach all; None: it is refused
    exploration: float | None = None  # the share of the money that is explored with, 0 for off; None: the default
    second_chances: bool = False  # whether tasks with invalid answers may be asked once more


@dataclass(frozen=True, kw_only=True)
class Totals:
    """What a whole job can cost, in quanta."""

    cheapest: int  # every task by its cheapest strategy, predicted
    cheapest_worst: int  # every task by the strategy with the least worst case, at its worst: enough whatever happens
    dearest: int  # every task by the one strategy that is dearest in total, predicted
    one_worst: int = 0  # any single task by the strategy with the least worst case, at its worst

    @property
    def least_percent(self) -> int:
        """What a percentage is at least: all by their cheapest, with room to reserve for the last of them."""
        return min(self.cheapest + LAST_TASKS * self.one_worst, self.cheapest_worst)


def choose_unit(request: Request | None, tariffs: Sequence[Tariff]) -> Unit:
    """The budget's unit; where none was stated, the first in which every strategy has a price."""
    if request is not None and isinstance(request.budget, Amount | SharedBudget):
        return request.budget.unit
    return next(unit for unit in Unit if all(unit in tariff.prices for tariff in tariffs))


def sum_totals(predictions: Predictions) -> Totals:
    """Totals over the tasks that some strategy can serve."""
    served = ~np.isnan(predictions.cost).all(axis=1)
    cost, worst = predictions.cost[served], predictions.worst_cost[served]
    cheapest = _min_per_task(cost)
    # A strategy that can not serve a task is helped out there by the task's cheapest.
    per_strategy = np.where(np.isnan(cost), cheapest[:, None], cost).sum(axis=0)  # (strategies,)
    return Totals(
        cheapest=int(np.ceil(cheapest.sum())),
        cheapest_worst=sum(int(amount) for amount in _min_per_task(worst).tolist()),  # exact: it is a promise
        dearest=int(np.ceil(per_strategy.max(initial=0.0))),
        one_worst=int(_min_per_task(worst).max(initial=0.0)),
    )


def settle_objective(
    request: Request, *, unit: Unit, predictions: Predictions, alike: NDArray[np.int64], totals: Totals
) -> Objective:
    """The objective with its numbers; BudgetTooSmall names the least budget, InfeasibleTarget the best mean.

    `alike` (tasks,) says how many tasks each of the predicted ones answers.
    """
    if request.w is not None:
        reference_cost = max(totals.dearest / max(len(predictions.cost), 1), 1.0)
        return Objective(mode=Mode.WEIGHT, unit=unit, stated=request.stated, w=request.w, reference_cost=reference_cost)
    if request.target_accuracy is not None:
        return Objective(
            mode=Mode.TARGET,
            unit=unit,
            stated=request.stated,
            target_accuracy=request.target_accuracy,
            planned_cost=_plan_cost(predictions, alike, request.target_accuracy),
        )
    shared = request.budget.name if isinstance(request.budget, SharedBudget) else None
    cap = _resolve_cap(request, unit, totals)
    return Objective(
        mode=Mode.BUDGET, unit=unit, stated=request.stated, cap=cap, shared=shared, deferral=request.deferral
    )


def _plan_cost(predictions: Predictions, alike: NDArray[np.int64], target_accuracy: float) -> int:
    if not len(predictions.cost):  # no strategy can serve any task: there is no mean to reach, and nothing to pay
        return 0
    return math.ceil(allocate_target(predictions.accuracy, predictions.cost, target_accuracy, weight=alike).cost)


def _resolve_cap(request: Request, unit: Unit, totals: Totals) -> int:
    if isinstance(request.budget, BudgetPercent):
        return max(request.budget.quanta_between(totals.cheapest, totals.dearest), totals.least_percent)
    if isinstance(request.budget, SharedBudget):
        if request.deferral is None:
            _require_enough(request.budget, totals)
        return request.budget.free
    assert request.budget is not None
    if request.budget.quanta < totals.cheapest and request.deferral is None:
        raise _too_small(cap=request.budget.quanta, unit=unit, totals=totals)
    return request.budget.quanta


def _too_small(*, cap: int, unit: Unit, totals: Totals) -> BudgetTooSmall:
    asked = format_amount(Amount(unit=unit, quanta=cap))
    least, sure = (
        format_amount(Amount(unit=unit, quanta=quanta), round_up=True)
        for quanta in (totals.cheapest, totals.cheapest_worst)
    )
    return BudgetTooSmall(
        f"the budget is {asked}, but the cheapest strategy for every task needs {least} (predicted): "
        f"the smallest feasible budget is {least}; {sure} is enough whatever the answers' lengths",
        cap=cap,
        smallest_feasible=totals.cheapest,
    )


def _require_enough(budget: SharedBudget, totals: Totals) -> None:
    if budget.free >= totals.cheapest:
        return
    free = format_amount(Amount(unit=budget.unit, quanta=max(0, budget.free)))
    least, missing, sure = (
        format_amount(Amount(unit=budget.unit, quanta=quanta), round_up=True)
        for quanta in (totals.cheapest, totals.cheapest - budget.free, totals.cheapest_worst)
    )
    raised = f'`apportion budgets raise {budget.name} "{missing}"`'
    raise BudgetTooSmall(
        f"budget {budget.name} has {free} left that is not promised to other jobs, but the cheapest strategy for every "
        f"task needs {least} (predicted): {raised} makes it feasible; {sure} is enough whatever the answers' lengths",
        cap=budget.free,
        smallest_feasible=totals.cheapest,
    )


def _min_per_task(cost: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.nanmin(cost, axis=1) if len(cost) else np.zeros(0)
