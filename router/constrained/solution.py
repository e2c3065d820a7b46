"""The most accurate allocation within several constraints: prices for all limits, then rounding, repair and exchange.

At any prices, sum_i max_j (w_i a_ij - price of what j uses) + price of all limits bounds every allocation (Lagrange;
the least such bound is the optimum of the linear relaxation). An allocation close to it gives every task a strategy
that is best at those prices, but for about as many tasks as there are limits.
"""

import numpy as np
from numpy.typing import ArrayLike

from router.allocate import allocate
from router.allocation import Allocation
from router.constrained.choice_search import TOLERANCE, find_choice
from router.constrained.column_generation import find_prices
from router.constrained.constraints import ConstrainedAllocation, Constraints
from router.constrained.core import find_units
from router.constrained.infeasibility import check_each_limit, explain_failure
from router.constrained.instance import ConstrainedInstance, check_constrained
from router.instance import Floats, Indices
from router.totals import largest_sum


def solve_constrained(
    accuracy: ArrayLike, cost: ArrayLike, budget: float, constraints: Constraints, weight: ArrayLike | None
) -> ConstrainedAllocation:
    """An accurate allocation within a budget of at least 0 and the constraints, or an error that says what is short."""
    constrained = check_constrained(accuracy, cost, budget, constraints, weight)
    free = allocate(constrained.accuracy, constrained.cost, budget, weight=constrained.weight)
    if (constrained.use_of(free.choice) <= constrained.rows.limit).all():
        return _describe(constrained, constraints, free.choice, free.upper_bound, _price_budget(constrained, free))
    check_each_limit(constrained)
    priced = find_prices(constrained, find_units(constrained))
    found = find_choice(constrained, priced)
    if found.choice is None:
        raise explain_failure(constrained, priced.price, tried_all=found.tried_all)
    upper_bound = min(priced.reading.bound, free.upper_bound, found.upper_bound)
    return _describe(constrained, constraints, found.choice, upper_bound, priced.price)


def _price_budget(constrained: ConstrainedInstance, free: Allocation) -> Floats:
    price = constrained.rows.free
    price[:1] = free.shadow_price
    return price


def _describe(
    constrained: ConstrainedInstance, constraints: Constraints, choice: Indices, upper_bound: float, price: Floats
) -> ConstrainedAllocation:
    gains = constrained.gains_of(choice)
    accuracy = float(gains.sum())
    costs = np.asarray(constrained.cost[np.arange(len(choice)), choice], dtype=np.float64)
    gap = float(max(upper_bound - accuracy, 0.0))
    proven = bool(gap <= TOLERANCE * float(np.abs(gains).sum()))
    # Where the limit is 0, no allowed cell uses anything: any price gives the same bound.
    used = np.where(constrained.rows.limit > 0, price, 0.0)
    prices = [np.append(used, 0.0)[rows] for rows in constrained.rows.row_of]
    first = 1 if constraints.capacity is None else 2
    by_resource = zip(constraints.resources, prices[first:], strict=False)
    return ConstrainedAllocation(
        choice=choice,
        accuracy=accuracy,
        cost=largest_sum(costs),
        upper_bound=accuracy if proven else accuracy + gap,
        gap=0.0 if proven else gap,
        shadow_price=float(prices[0].item()),
        proven=proven,
        capacity_price=np.zeros(constrained.cost.shape[1]) if constraints.capacity is None else prices[1][0],
        resource_price=tuple(prices.reshape(np.shape(resource.limit)) for resource, prices in by_resource),
        tenant_price=np.zeros(0) if constraints.tenants is None else prices[-1][:, 0],
    )
