"""Sums that hold up bit for bit."""

import math

from router.instance import Floats


def largest_sum(costs: Floats) -> float:
    """The larger of NumPy's pairwise sum and the sum from left to right.

    Floating-point sums depend on their order; a caller may use either of these two.
    """
    return max(float(costs.sum()), float(costs.cumsum()[-1])) if len(costs) else 0.0


def exact_remainder(budget: float, costs: Floats) -> float:
    """The budget less the costs, rounded once."""
    return math.fsum([budget, *(-costs).tolist()])


def round_down(budget: float) -> float:
    """The largest float that is no larger than a budget, which may be a whole number past 2**53."""
    nearest = float(budget)
    return math.nextafter(nearest, -math.inf) if nearest > budget else nearest
