"""Sums that hold up bit for bit."""

import math
from typing import NamedTuple

import numpy as np

from router.compiled import compiled
from router.instance import Floats, Instance

CELLS_CHECKED = 2_000_000  # in larger instances a rounding of the sum is too small to matter


def largest_sum(costs: Floats) -> float:
    """The larger of NumPy's pairwise sum and the sum from left to right.

    Floating-point sums depend on their order; a caller may use either of these two.
    """
    return max(float(costs.sum()), _sum_in_order(costs)) if len(costs) else 0.0


class Remainder(NamedTuple):
    """A number in twice the precision of a float."""

    rounded: float
    error: float


def subtract(start: Remainder, costs: Floats) -> Remainder:
    """What is left after some costs, in twice the precision of a float."""
    return Remainder(*_subtract_all(start.rounded, start.error, costs))


def count_fitting(costs: Floats, room: float) -> int:
    """How many of the first costs add up to the room at most, as floats do from left to right."""
    return _count_fitting(costs, room)


def sum_magnitudes(values: Floats) -> float:
    """The sum of the absolute values, about."""
    return _sum_magnitudes(values)


def find_real_budget(budget: float, instance: Instance) -> float:
    """A bound on the real sum of costs whose two floating-point sums both respect a budget.

    Where all sums are exact, as those of whole numbers, it is the budget rounded down to what a sum can be. In general
    it is larger than the budget by what Higham (Accuracy and Stability of Numerical Algorithms, section 4.2) gives for
    NumPy's blocks of 128: each cost goes through so many additions.
    """
    if not math.isfinite(budget) or budget == 0:
        return budget
    if instance.cells <= CELLS_CHECKED:
        grain = math.ldexp(1.0, math.frexp(budget)[1])
        for block in instance.blocks():
            grain = _find_grain(block.cost, grain, budget)
        if grain >= math.ulp(budget):
            return math.floor(budget / grain) * grain
    additions = min(len(instance), 27 + max(len(instance) // 128, 1).bit_length())
    return budget + additions * math.ulp(budget)


def round_down(budget: float) -> float:
    """The largest float that is no larger than a budget, which may be a whole number past 2**53."""
    nearest = float(budget)
    return math.nextafter(nearest, -math.inf) if nearest > budget else nearest


@compiled
def _sum_in_order(costs: Floats) -> float:
    total = 0.0
    for cost in costs:
        total += cost
    return total


@compiled
def _find_grain(cost: Floats, grain: float, budget: float) -> float:
    """The largest power of two up to `grain` that divides all costs up to the budget, or one too small to matter."""
    least = budget * 2.0**-53
    for task in range(cost.shape[0]):
        for strategy in range(cost.shape[1]):
            c = cost[task, strategy]
            if not 0 < c <= budget:
                continue
            while grain >= least and c / grain != np.floor(c / grain):
                grain /= 2
            if grain < least:
                return grain
    return grain


@compiled
def _sum_magnitudes(values: Floats) -> float:
    total = 0.0
    for value in values:
        total += abs(value)
    return total


@compiled
def _count_fitting(costs: Floats, room: float) -> int:
    total, count = 0.0, 0
    while count < len(costs):
        total += costs[count]
        if total > room:
            break
        count += 1
    return count


@compiled
def _subtract_all(total: float, error: float, costs: Floats) -> tuple[float, float]:
    """Knuth's two-sum, its errors carried along."""
    for cost in costs:
        before = total
        total = before - cost
        taken = before - total
        error += (before - (total + taken)) + (taken - cost)
    return total + error, (total - (total + error)) + error
