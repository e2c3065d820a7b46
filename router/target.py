"""The least cost for an accuracy: the same knapsack with costs for accuracies and shortfalls for costs."""

import dataclasses
import math
from dataclasses import dataclass

import numpy as np

from router.allocation import Allocation
from router.choose import Choice, choose_best, look_up
from router.errors import InfeasibleTarget, InvalidAllocationInput
from router.instance import Block, Floats, Instance
from router.knapsack import describe_allocation, solve_knapsack
from router.totals import Remainder, largest_sum, subtract


@dataclass(frozen=True, kw_only=True, eq=False)
class Exchanged(Instance):
    """Tasks whose strategies are worth their negative cost, and cost what they lack of the best accuracy."""

    best: Floats  # (rows,) each task's largest weighted accuracy

    def read(self, tasks: slice) -> Block:
        """The cells of a run of tasks; a copy."""
        block = Instance.read(self, tasks)
        best = self.best[tasks if self.rows is None else self.rows[tasks]]
        forbidden = ~(np.isfinite(block.value) & np.isfinite(block.cost))
        with np.errstate(invalid="ignore"):
            return block._replace(
                value=np.where(forbidden, np.nan, -block.cost), cost=best[:, np.newaxis] - block.value
            )


def reach_mean(instance: Instance, mean_accuracy: float) -> Allocation:
    """The cheapest allocation with that (weighted) mean accuracy, and the most accurate one of those."""
    total_weight = float(len(instance)) if instance.weight is None else float(instance.weight.sum())
    if not total_weight > 0:
        raise InvalidAllocationInput("there is no task with a weight: a mean accuracy needs one")
    least, proven = _find_least_cost(instance, mean_accuracy, total_weight)
    allocation = solve_knapsack(instance, largest_sum(least.cost))
    if allocation.accuracy < float(least.value.sum()):
        allocation = describe_allocation(
            instance, least, upper_bound=allocation.upper_bound, shadow_price=allocation.shadow_price
        )
    return dataclasses.replace(allocation, proven=allocation.proven and proven)


def _find_least_cost(instance: Instance, mean_accuracy: float, total_weight: float) -> tuple[Choice, bool]:
    """The cheapest allocation that reaches a mean, as the largest negative cost for a total shortfall in accuracy."""
    best = choose_best(instance, worth=1.0, price=0.0).value
    best_mean = float(best.sum()) / total_weight
    if mean_accuracy > best_mean:
        raise InfeasibleTarget(target=mean_accuracy, best_reachable=best_mean)
    exchanged = Exchanged(accuracy=instance.accuracy, cost=instance.cost, weight=instance.weight, best=best)
    wanted = mean_accuracy * total_weight
    # The first try may fall a few rounding errors short; what it then reaches is compared as a mean.
    allowed = max(-subtract(Remainder(wanted, 0.0), best).rounded + 8 * math.ulp(wanted), 0.0)
    while True:
        allocation = solve_knapsack(exchanged, allowed)
        choice = look_up(instance, allocation.choice)
        missing = mean_accuracy - float(choice.value.sum()) / total_weight
        if missing <= 0 or allowed == 0:
            return choice, allocation.proven
        allowed = max(allowed - max(2 * missing * total_weight, math.ulp(allowed)), 0.0)
