"""The best reachable accuracy for every budget."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from router.errors import InfeasibleBudget, InfeasibleTarget

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Frontier:
    """Breakpoints of the accuracy/budget curve, from the cheapest allocation to the most accurate one.

    An allocation reaches each breakpoint exactly. Between two of them the straight line is an upper bound that
    allocations meet to within one task's upgrade. Accuracy and cost are totals over the tasks.
    """

    cost: Floats  # (breakpoints,) ascending
    accuracy: Floats  # (breakpoints,) ascending
    price: Floats  # (breakpoints - 1,) accuracy per quantum between neighbours, descending

    def accuracy_at(self, budget: float) -> float:
        """The best accuracy a budget buys; InfeasibleBudget below the cheapest total."""
        if not budget >= self.cost[0]:
            raise InfeasibleBudget(budget=budget, smallest_feasible=float(self.cost[0]))
        last = int(np.searchsorted(self.cost, budget, side="right")) - 1
        if last == len(self.price):
            return float(self.accuracy[-1])
        return float(min(self.accuracy[last] + self.price[last] * (budget - self.cost[last]), self.accuracy[last + 1]))

    def budget_for(self, accuracy: float) -> float:
        """The least budget that buys an accuracy; InfeasibleTarget above the best total."""
        if not accuracy <= self.accuracy[-1]:
            raise InfeasibleTarget(target=accuracy, best_reachable=float(self.accuracy[-1]))
        reached = int(np.searchsorted(self.accuracy, accuracy, side="left"))
        if reached == 0:
            return float(self.cost[0])
        missing = self.accuracy[reached] - accuracy
        return float(max(self.cost[reached] - missing / self.price[reached - 1], self.cost[reached - 1]))

    def price_at(self, budget: float) -> float:
        """The shadow price at a budget: what the next quantum buys, 0 where accuracy can not grow any more."""
        if not budget >= self.cost[0]:
            raise InfeasibleBudget(budget=budget, smallest_feasible=float(self.cost[0]))
        last = int(np.searchsorted(self.cost, budget, side="right")) - 1
        return float(self.price[last]) if last < len(self.price) else 0.0

    def budget_at(self, price: float) -> float:
        """The budget that is spent when every upgrade worth more than a price is taken."""
        return float(self.cost[int(np.searchsorted(-self.price, -price, side="left"))])


def frontier(accuracy: ArrayLike, cost: ArrayLike, *, weight: ArrayLike | None = None) -> Frontier:
    """All breakpoints for arrays (tasks, strategies); NaN or infinite cells are not allowed.

    Slopes that differ by less than about one part in 2**37, at a million tasks, may come in either order.
    """
    from router.cell_check import check_instance
    from router.choose import choose_best
    from router.hull import order_steepest, trace_segments
    from router.totals import largest_sum

    instance = check_instance(accuracy, cost, weight)
    cheapest = choose_best(instance, worth=0.0, price=1.0)
    segments = trace_segments(instance, cheapest.strategy)
    order = order_steepest(segments.slope)
    costs, accuracies = np.zeros(len(order) + 1), np.zeros(len(order) + 1)
    np.cumsum(segments.extra_cost[order], out=costs[1:])
    np.cumsum(segments.gain[order], out=accuracies[1:])
    price = np.minimum.accumulate(segments.slope[order])
    # Both ends are summed as allocate sums them, not by way of the segments between them.
    richest = choose_best(instance, worth=1.0, price=0.0)
    costs += largest_sum(cheapest.cost)
    accuracies += cheapest.value.sum()
    costs[-1], accuracies[-1] = largest_sum(richest.cost), richest.value.sum()
    return Frontier(cost=costs, accuracy=accuracies, price=price)
