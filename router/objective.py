"""Objectives other than a budget: a price for accuracy, and an accuracy to reach."""

import dataclasses
import math

import numpy as np
from numpy.typing import ArrayLike

from router.allocation import Allocation
from router.errors import InfeasibleTarget, InvalidAllocationInput
from router.instance import LARGEST, SMALLEST, Floats, Indices, Instance, check_instance
from router.knapsack import describe_allocation, solve_knapsack
from router.totals import largest_sum


def allocate_weighted(
    accuracy: ArrayLike, cost: ArrayLike, w: float, reference_cost: float, *, weight: ArrayLike | None = None
) -> Allocation:
    """Each task's strategy with the largest w * accuracy - (1 - w) * cost / reference_cost (CONCUR, section 3.3).

    `w` is between 0 (the cheapest) and 1 (the most accurate). Nothing is more accurate at the cost of this choice.
    """
    if not 0 <= w <= 1:
        raise InvalidAllocationInput(f"w is {w}: it is between 0 (the cheapest) and 1 (the most accurate)")
    if not SMALLEST <= reference_cost <= LARGEST:
        raise InvalidAllocationInput(f"the reference cost is {reference_cost}: it is a positive number")
    instance = check_instance(accuracy, cost, weight)
    choice = instance.cheapest if w == 0 else _choose_scored(instance, w, (1 - w) / reference_cost)
    price = (1 - w) / w / reference_cost if w else math.inf
    return describe_allocation(instance, choice, upper_bound=math.inf, shadow_price=price, proven=True)


def allocate_target(
    accuracy: ArrayLike, cost: ArrayLike, mean_accuracy: float, *, weight: ArrayLike | None = None
) -> Allocation:
    """The cheapest allocation whose (weighted) mean accuracy is at least the wanted one; the most accurate of those.

    `proven` covers both; bound and gap are those of a budget equal to its cost. InfeasibleTarget names the best mean.
    """
    instance = check_instance(accuracy, cost, weight)
    if not math.isfinite(mean_accuracy):
        raise InvalidAllocationInput(f"the target accuracy is {mean_accuracy}: it is a number")
    if not instance.weight.sum() > 0:
        raise InvalidAllocationInput("there is no task with a weight: a mean accuracy needs one")
    least = _find_least_cost(instance, mean_accuracy)
    reached = float(instance.accuracies_of(least.choice).sum())
    allocation = solve_knapsack(instance, largest_sum(instance.costs_of(least.choice)))
    if allocation.accuracy < reached:
        allocation = describe_allocation(
            instance,
            least.choice,
            upper_bound=allocation.upper_bound,
            shadow_price=allocation.shadow_price,
        )
    return dataclasses.replace(allocation, proven=allocation.proven and least.proven)


def _choose_scored(instance: Instance, w: float, price: float) -> Indices:
    """Each task's strategy with the largest w * accuracy - price * cost; the cheapest of equals."""
    choice = np.empty_like(instance.cheapest)
    for block in instance.blocks():
        forbidden = np.isinf(block.extra_cost)
        with np.errstate(invalid="ignore"):
            score = np.where(forbidden, -np.inf, w * block.gain - price * block.extra_cost)
        choice[block.tasks] = np.where(score == score.max(axis=0), block.extra_cost, np.inf).argmin(axis=0)
    return choice


def _find_least_cost(instance: Instance, mean_accuracy: float) -> Allocation:
    """The cheapest allocation that reaches a mean, as the largest negative cost for a total shortfall in accuracy."""
    exchanged, best = _exchange(instance)
    total_weight = float(instance.weight.sum())
    best_mean = float(best.sum()) / total_weight
    if mean_accuracy > best_mean:
        raise InfeasibleTarget(target=mean_accuracy, best_reachable=best_mean)
    wanted = mean_accuracy * total_weight
    # The first try may fall a few rounding errors short; what it then reaches is compared as a mean.
    allowed = max(math.fsum([*best.tolist(), -wanted]) + 8 * math.ulp(wanted), 0.0)
    while True:
        allocation = solve_knapsack(exchanged, allowed)
        missing = mean_accuracy - float(instance.accuracies_of(allocation.choice).sum()) / total_weight
        if missing <= 0 or allowed == 0:
            return allocation
        allowed = max(allowed - max(2 * missing * total_weight, math.ulp(allowed)), 0.0)


def _exchange(instance: Instance) -> tuple[Instance, Floats]:
    """The instance with negative costs for accuracies and shortfalls for costs; each task's best accuracy (tasks,)."""
    weighted = instance.weight[:, np.newaxis] * instance.accuracy
    weighted[~np.isfinite(instance.accuracy) | ~np.isfinite(instance.cost)] = np.nan
    best = np.nanmax(weighted, axis=1)
    return check_instance(-instance.cost.astype(np.float64), best[:, np.newaxis] - weighted), best
