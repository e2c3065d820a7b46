"""The allocation of a budget: one strategy for every task, as accurate in total as the budget allows, with a proof."""

from typing import Literal, overload

from numpy.typing import ArrayLike

from router.allocation import Allocation, Deferral
from router.constrained.constraints import ConstrainedAllocation, Constraints
from router.errors import InfeasibleBudget, InvalidAllocationInput


@overload
def allocate(
    accuracy: ArrayLike, cost: ArrayLike, budget: float, *, constraints: Constraints, weight: ArrayLike | None = None
) -> ConstrainedAllocation: ...


@overload
def allocate(
    accuracy: ArrayLike,
    cost: ArrayLike,
    budget: float,
    *,
    weight: ArrayLike | None = None,
    deferral: Deferral | None = None,
    exact: Literal["dp"] | None = None,
) -> Allocation: ...


def allocate(
    accuracy: ArrayLike,
    cost: ArrayLike,
    budget: float,
    *,
    weight: ArrayLike | None = None,
    deferral: Deferral | None = None,
    constraints: Constraints | None = None,
    exact: Literal["dp"] | None = None,
) -> Allocation:
    """The most accurate allocation for arrays (tasks, strategies) whose total cost stays within the budget.

    Cells that are NaN or infinite are not allowed. The costs of the chosen strategies as float64, summed by NumPy or
    from left to right, are at most the budget, bit for bit. InvalidAllocationInput names the first unusable row;
    InfeasibleBudget names the smallest feasible budget, unless `deferral` says which tasks may go without a strategy.
    With `constraints` their limits hold in the same way; InfeasibleConstraints names those that can not be kept, and
    says whether that is proven. `exact="dp"` is the published dynamic programme, a slow reference.
    """
    # Numba takes half a second to import: not before there is something to compute.
    from router.totals import round_down

    budget = round_down(budget)
    if not budget >= 0:
        raise InvalidAllocationInput(f"the budget is {budget}: it is a number of at least 0")
    if sum(given is not None for given in (deferral, constraints, exact)) > 1:
        raise InvalidAllocationInput('deferral, constraints and exact="dp" do not go together: give one of them')
    if constraints is not None:
        from router.constrained.solution import solve_constrained

        return solve_constrained(accuracy, cost, budget, constraints, weight)
    if exact is not None:
        return _allocate_by_steps(accuracy, cost, budget, weight, exact)
    return _allocate_budget(accuracy, cost, budget, weight, deferral)


def _allocate_budget(
    accuracy: ArrayLike, cost: ArrayLike, budget: float, weight: ArrayLike | None, deferral: Deferral | None
) -> Allocation:
    from router.cell_check import find_least_costs
    from router.deferral import allocate_served
    from router.instance import make_instance
    from router.knapsack import solve_knapsack
    from router.totals import largest_sum

    instance = make_instance(accuracy, cost, weight)
    cheapest_total = largest_sum(find_least_costs(instance))
    if deferral is Deferral.MOST_VALUABLE:
        return solve_knapsack(instance.with_deferral(), budget)
    if cheapest_total <= budget:
        return solve_knapsack(instance, budget)
    if deferral is Deferral.SERVE_MOST:
        return allocate_served(instance, budget)
    raise InfeasibleBudget(budget=budget, smallest_feasible=cheapest_total)


def _allocate_by_steps(
    accuracy: ArrayLike, cost: ArrayLike, budget: float, weight: ArrayLike | None, exact: str
) -> Allocation:
    from router.cell_check import check_instance
    from router.dynamic_programme import solve_by_steps

    if exact != "dp":
        raise InvalidAllocationInput(f'exact is {exact!r}: the one reference there is is called "dp"')
    return solve_by_steps(check_instance(accuracy, cost, weight), budget)
