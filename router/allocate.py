"""The allocation of a budget: one strategy for every task, as accurate in total as the budget allows, with a proof."""

from numpy.typing import ArrayLike

from router.allocation import Allocation, Deferral
from router.errors import InfeasibleBudget, InvalidAllocationInput


def allocate(
    accuracy: ArrayLike,
    cost: ArrayLike,
    budget: float,
    *,
    weight: ArrayLike | None = None,
    deferral: Deferral | None = None,
) -> Allocation:
    """The most accurate allocation for arrays (tasks, strategies) whose total cost stays within the budget.

    Cells that are NaN or infinite are not allowed. The costs of the chosen strategies as float64, summed by NumPy or
    from left to right, are at most the budget, bit for bit. InvalidAllocationInput names the first unusable row;
    InfeasibleBudget names the smallest feasible budget, unless `deferral` says which tasks may go without a strategy.
    """
    # Numba takes half a second to import: not before there is something to compute.
    from router.cell_check import find_least_costs
    from router.deferral import allocate_served
    from router.instance import make_instance
    from router.knapsack import solve_knapsack
    from router.totals import largest_sum, round_down

    budget = round_down(budget)
    if not budget >= 0:
        raise InvalidAllocationInput(f"the budget is {budget}: it is a number of at least 0")
    instance = make_instance(accuracy, cost, weight)
    cheapest_total = largest_sum(find_least_costs(instance))
    if deferral is Deferral.MOST_VALUABLE:
        return solve_knapsack(instance.with_deferral(), budget)
    if cheapest_total <= budget:
        return solve_knapsack(instance, budget)
    if deferral is Deferral.SERVE_MOST:
        return allocate_served(instance, budget)
    raise InfeasibleBudget(budget=budget, smallest_feasible=cheapest_total)
