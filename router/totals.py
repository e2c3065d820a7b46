"""Sums that hold up bit for bit."""

import math
from typing import NamedTuple

import numpy as np

from router.compiled import compiled
from router.instance import Floats, Instance

CELLS_CHECKED = 200_000  # in larger instances a rounding of the sum is too small to matter


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


def sum_magnitudes(values: Floats) -> float:
    """The sum of the absolute values, about."""
    return _sum_magnitudes(values)


def largest_excess(budget: float, instance: Instance) -> float:
    """By how much a real sum of costs can exceed a budget that both of its floating-point sums respect.

    In general what Higham (Accuracy and Stability of Numerical Algorithms, section 4.2) gives for NumPy's blocks of
    128: each cost goes through so many additions. Nothing where all sums are exact, as those of whole numbers.
    """
    if not math.isfinite(budget) or budget == 0:
        return 0.0
    if instance.cells <= CELLS_CHECKED and _all_add_exactly(budget, instance):
        return 0.0
    additions = min(len(instance), 27 + max(len(instance) // 128, 1).bit_length())
    return additions * math.ulp(budget)


def _all_add_exactly(budget: float, instance: Instance) -> bool:
    """Whether all costs are multiples of the budget's last digit, so that no sum up to the budget is rounded."""
    digit = math.ulp(budget)
    return all(_are_multiples(instance.read(tasks).cost, digit, largest=budget) for tasks in instance.slices())


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
def _sum_magnitudes(values: Floats) -> float:
    total = 0.0
    for value in values:
        total += abs(value)
    return total


@compiled
def _subtract_all(total: float, error: float, costs: Floats) -> tuple[float, float]:
    """Knuth's two-sum, its errors carried along."""
    for cost in costs:
        before = total
        total = before - cost
        taken = before - total
        error += (before - (total + taken)) + (taken - cost)
    return total + error, (total - (total + error)) + error


def _are_multiples(costs: Floats, digit: float, *, largest: float) -> bool:
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = costs / digit
        return bool(np.all((scaled == np.floor(scaled)) | ~(costs <= largest)))
