"""What was predicted and what happened, as arrays over the tasks of a job, and what a report says of each strategy."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gateway.report.values import CostPair, Plan, StrategyReport
from router.allocation import Allocation

Floats = NDArray[np.floating]


@dataclass(frozen=True, kw_only=True, eq=False)
class RoutedTasks:
    """Arrays over n tasks and s strategies, in the order of `names`."""

    names: tuple[str, ...]  # (s,)
    descriptions: tuple[str, ...]  # (s,)
    accuracy: Floats  # (n, s) predicted; NaN = not eligible
    cost_quanta: Floats  # (n, s) predicted; NaN = not eligible, 0 = a twin's
    alike: NDArray[np.integer]  # (n,) how many tasks are answered with each one; 0 = a twin
    choice: NDArray[np.integer]  # (n,) the strategy that ran; -1 = none
    answered: NDArray[np.bool_]  # (n,) whether there is an answer
    paid_quanta: Sequence[int]  # (n,) exact; 0 where nothing ran
    grade: Floats  # (n,) 0..1; NaN = no grade

    @property
    def ran(self) -> NDArray[np.integer]:
        """Rows of the tasks that a strategy was asked, and not only answered with another one's answer."""
        return np.flatnonzero((self.choice >= 0) & (self.alike > 0))


def describe_strategies(routed: RoutedTasks) -> tuple[StrategyReport, ...]:
    """Each strategy alone, as predicted, and on its own tasks."""
    return tuple(_describe_strategy(routed, column) for column in range(len(routed.names)))


def _describe_strategy(routed: RoutedTasks, column: int) -> StrategyReport:
    accuracy = routed.accuracy[:, column].astype(np.float64)  # (n,)
    cost = routed.cost_quanta[:, column].astype(np.float64)  # (n,)
    chosen = routed.choice == column  # (n,)
    grade = routed.grade[chosen]
    return StrategyReport(
        name=routed.names[column],
        description=routed.descriptions[column],
        eligible_tasks=int(np.isfinite(accuracy).sum()),
        alone_accuracy=float(np.nan_to_num(accuracy).sum() / max(1, len(accuracy))),
        alone_cost_quanta=float(np.nansum(cost)),
        tasks=int(chosen.sum()),
        predicted_accuracy=mean_of_known(accuracy[chosen]),
        observed_accuracy=mean_of_known(grade),
        graded=int(np.isfinite(grade).sum()),
        predicted_cost_quanta=float(np.nansum(cost[chosen])),
        cost_quanta=sum(routed.paid_quanta[row] for row in np.flatnonzero(chosen).tolist()),
    )


def predict_answered(routed: RoutedTasks) -> float:
    """The mean accuracy that was predicted for what was done; a task without an answer counts as not right."""
    rows = np.flatnonzero(routed.answered)
    predicted = routed.accuracy[rows, routed.choice[rows]].astype(np.float64)
    return float(np.nan_to_num(predicted).sum()) / max(1, len(routed.choice))


def mean_of_known(values: Floats) -> float | None:
    """The mean of what is not NaN, or None when there is nothing."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else None


def describe_plan(allocation: Allocation, *, task_count: int) -> Plan:
    """The job allocated at once, with sums turned into means over all tasks, those that nothing serves among them."""
    tasks = max(1, task_count)
    return Plan(
        accuracy=allocation.accuracy / tasks,
        cost_quanta=allocation.cost,
        upper_bound=allocation.upper_bound / tasks if math.isfinite(allocation.upper_bound) else None,
        shadow_price=allocation.shadow_price if math.isfinite(allocation.shadow_price) else None,
    )


def pair_costs(routed: RoutedTasks, *, limit: int = 2000) -> tuple[CostPair, ...]:
    """Predicted beside actual cost of the tasks that ran; evenly thinned to the limit."""
    rows = routed.ran
    rows = rows[np.linspace(0, len(rows) - 1, min(limit, len(rows))).round().astype(int)]
    return tuple(
        CostPair(
            strategy=routed.names[routed.choice[row]],
            predicted_quanta=float(routed.cost_quanta[row, routed.choice[row]]),
            actual_quanta=float(routed.paid_quanta[row]),
        )
        for row in rows.tolist()
    )
