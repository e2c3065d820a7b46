"""The allocation of a budget where there are other limits as well."""

from numpy.typing import ArrayLike

from router.constraints import ConstrainedAllocation, Constraints
from router.errors import InvalidAllocationInput
from router.totals import round_down


def allocate_constrained(
    accuracy: ArrayLike,
    cost: ArrayLike,
    budget: float,
    constraints: Constraints,
    *,
    weight: ArrayLike | None = None,
) -> ConstrainedAllocation:
    """An accurate allocation within the budget and the constraints, with its gap to the best.

    No sum of what is used, by NumPy or from left to right, is above its limit. InfeasibleConstraints names what can not
    be kept, and says whether that is proven; InfeasibleBudget names the smallest budget of the allowed strategies.
    """
    # Numba takes half a second to import: not before there is something to compute.
    from router.constrained_solution import solve_constrained

    budget = round_down(budget)
    if not budget >= 0:
        raise InvalidAllocationInput(f"the budget is {budget}: it is a number of at least 0")
    return solve_constrained(accuracy, cost, budget, constraints, weight)
