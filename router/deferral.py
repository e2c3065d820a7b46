"""Allocations that leave some tasks without a strategy because the budget does not serve them all."""

import dataclasses
from typing import NamedTuple

import numpy as np

from router.allocation import DEFERRED, Allocation
from router.choose import Choice, choose_best, look_up
from router.instance import Floats, Indices, Instance
from router.knapsack import describe_allocation, solve_knapsack
from router.totals import largest_sum

PRICE_STEPS = 40  # halvings of the price bracket


class _Trial(NamedTuple):
    """The tasks worth most at a price."""

    served: Indices  # ascending
    cost: float  # of their strategies at this price
    upper_bound: float  # of the accuracy of so many tasks within the budget


def allocate_served(instance: Instance, budget: float) -> Allocation:
    """As many tasks as the budget serves, and of the sets of so many tasks an accurate one, with its gap.

    With u_i(price) = max_j (w_i a_ij - price c_ij), the k largest u_i plus price * budget bound the accuracy of any k
    tasks within the budget. The k tasks of the lowest price at which they fit are then allocated exactly.
    """
    cheapest = choose_best(instance, worth=0.0, price=1.0)
    best = _find_best_tasks(instance, cheapest, budget)
    part = instance.restrict(best.served)
    allocation = solve_knapsack(part, budget)
    allocation = describe_allocation(
        part,
        look_up(part, allocation.choice),
        upper_bound=max(best.upper_bound, allocation.accuracy),
        shadow_price=allocation.shadow_price,
    )
    choice = np.full(len(instance), DEFERRED, dtype=np.int64)
    choice[best.served] = allocation.choice
    return dataclasses.replace(allocation, choice=choice)


def _find_cheapest_tasks(costs: Floats, budget: float) -> Indices:
    """The largest set of tasks that fits: those that are cheapest to serve."""
    order = np.argsort(costs, kind="stable")
    served = int(np.searchsorted(costs[order].cumsum(), budget, side="right"))
    while largest_sum(costs[np.sort(order[:served])]) > budget:
        served -= 1
    return np.sort(order[:served])


def _find_best_tasks(instance: Instance, cheapest: Choice, budget: float) -> _Trial:
    """As many tasks as the cheapest ones, that fit and are worth most, with the least upper bound met."""
    best, upper_bound = _Trial(_find_cheapest_tasks(cheapest.cost, budget), 0.0, np.inf), np.inf
    low, high = 0.0, np.inf
    price = 0.0
    for _ in range(PRICE_STEPS):
        trial = _try_price(instance, price, count=len(best.served), budget=budget)
        upper_bound = min(upper_bound, trial.upper_bound)
        if trial.cost <= budget:
            best, high = trial, price
        else:
            low = price
        price = (low + high) / 2 if np.isfinite(high) else max(8 * low, _guess_price(cheapest))
    return best._replace(upper_bound=upper_bound)


def _guess_price(cheapest: Choice) -> float:
    """A first price in the units of the instance: the accuracy of the cheapest choice for its cost."""
    accuracy = float(abs(cheapest.value).sum()) or 1.0
    return accuracy / largest_sum(cheapest.cost)  # above the budget, hence not 0


def _try_price(instance: Instance, price: float, *, count: int, budget: float) -> _Trial:
    """The `count` tasks worth most at a price, each with its best strategy there."""
    choice = choose_best(instance, worth=1.0, price=price)
    worth = choice.value - price * choice.cost
    served = np.sort(np.argsort(-worth, kind="stable")[:count])
    return _Trial(served, largest_sum(choice.cost[served]), float(worth[served].sum()) + price * budget)
