"""Objectives other than a budget: a price for accuracy, and an accuracy to reach."""

import math

from numpy.typing import ArrayLike

from router.allocation import Allocation
from router.errors import InvalidAllocationInput


def allocate_weighted(
    accuracy: ArrayLike, cost: ArrayLike, w: float, reference_cost: float, *, weight: ArrayLike | None = None
) -> Allocation:
    """Each task's strategy with the largest w * accuracy - (1 - w) * cost / reference_cost (CONCUR, section 3.3).

    `w` is between 0 (the cheapest) and 1 (the most accurate). Nothing is more accurate at the cost of this choice.
    """
    if not 0 <= w <= 1:
        raise InvalidAllocationInput(f"w is {w}: it is between 0 (the cheapest) and 1 (the most accurate)")
    from router.cell_check import check_instance
    from router.choose import choose_best
    from router.instance import LARGEST, SMALLEST
    from router.knapsack import describe_allocation

    if not SMALLEST <= reference_cost <= LARGEST:
        raise InvalidAllocationInput(f"the reference cost is {reference_cost}: it is a positive number")
    instance = check_instance(accuracy, cost, weight)
    choice = choose_best(instance, worth=w, price=(1 - w) / reference_cost)
    price = (1 - w) / w / reference_cost if w else math.inf
    return describe_allocation(instance, choice, upper_bound=math.inf, shadow_price=price, proven=True)


def allocate_target(
    accuracy: ArrayLike, cost: ArrayLike, mean_accuracy: float, *, weight: ArrayLike | None = None
) -> Allocation:
    """The cheapest allocation whose (weighted) mean accuracy is at least the wanted one; the most accurate of those.

    `proven` covers both; bound and gap are those of a budget equal to its cost. InfeasibleTarget names the best mean.
    """
    from router.cell_check import check_instance
    from router.target import reach_mean

    if not math.isfinite(mean_accuracy):
        raise InvalidAllocationInput(f"the target accuracy is {mean_accuracy}: it is a number")
    return reach_mean(check_instance(accuracy, cost, weight), mean_accuracy)
