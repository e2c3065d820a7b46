"""The multiple-choice knapsack behind an allocation: steepest segments first, a certificate, then exact closure.

Maximise sum_i w_i a_i,choice(i) subject to sum_i c_i,choice(i) <= budget. Sinha and Zoltners 1979 (hulls and the
linear relaxation), Pisinger 1995 (a core that is closed by dynamic programming).
"""

import math
from typing import NamedTuple

import numpy as np

from router.allocation import Allocation
from router.exact import bound_core, close_gap
from router.fill import fill_room
from router.hull import Segments, trace_segments
from router.instance import Indices, Instance
from router.totals import exact_remainder, largest_sum

TOLERANCE = 1e-12  # a gap below this share of the accuracy is rounding


class _Start(NamedTuple):
    """The steepest segments that fit."""

    choice: Indices
    taken: int
    room: float  # what they leave of the budget


class _Answer(NamedTuple):
    """A choice for a budget, and the largest accuracy any choice can have there."""

    choice: Indices
    upper_bound: float
    price: float


def solve_knapsack(instance: Instance, budget: float) -> Allocation:
    """The best allocation within a budget that the cheapest choice fits."""
    segments = trace_segments(instance)
    richest = segments.choose(instance.cheapest, len(segments))
    if largest_sum(instance.costs_of(richest)) <= budget:
        return describe_allocation(instance, richest, upper_bound=math.inf, shadow_price=0.0, proven=True)
    # The first try may spend a few rounding errors too much, so that its bound holds for whatever sums to the budget;
    # if its sums do exceed the budget, the next tries leave a margin.
    answer = _solve_within(instance, segments, budget + 8 * math.ulp(budget))
    upper_bound, margin = answer.upper_bound, 0.0
    while (excess := largest_sum(instance.costs_of(answer.choice)) - budget) > 0:
        margin = max(2 * margin, 2 * excess, math.ulp(budget))
        answer = _solve_within(instance, segments, budget - margin)
    return describe_allocation(instance, answer.choice, upper_bound=upper_bound, shadow_price=answer.price)


def describe_allocation(
    instance: Instance, choice: Indices, *, upper_bound: float, shadow_price: float, proven: bool = False
) -> Allocation:
    """A choice with its totals and its gap; proven when that is rounding, or for a reason the caller knows."""
    accuracies = instance.accuracies_of(choice)
    accuracy = float(accuracies.sum())
    gap = upper_bound - accuracy
    proven = proven or gap <= TOLERANCE * float(abs(accuracies).sum())
    return Allocation(
        choice=choice,
        accuracy=accuracy,
        cost=largest_sum(instance.costs_of(choice)),
        upper_bound=accuracy if proven else upper_bound,
        gap=0.0 if proven else gap,
        shadow_price=shadow_price,
        proven=proven,
    )


def _solve_within(instance: Instance, segments: Segments, budget: float) -> _Answer:
    """The answer for real-valued sums; the cheapest choice where a margin leaves it no room."""
    start = _take_steepest(instance, segments, budget)
    price = float(segments.slope[start.taken])
    if start.room < 0:
        return _Answer(start.choice, math.inf, price)
    accuracies = instance.accuracies_of(start.choice)
    filled = fill_room(segments, start.taken, start.room)
    bound = bound_core(instance, start.choice, price=price, loss_limit=price * start.room - filled.gain)
    closure = close_gap(
        bound.core,
        room=start.room,
        price=price,
        incumbent=filled,
        tolerance=TOLERANCE / 2 * float(abs(accuracies).sum()),
    )
    choice = start.choice.copy()
    choice[closure.best.task] = closure.best.strategy
    if closure.proven:
        return _Answer(choice, float(instance.accuracies_of(choice).sum()), price)
    spare = exact_remainder(budget, instance.costs_of(instance.cheapest))
    cheapest_accuracy = float(instance.accuracies_of(instance.cheapest).sum())
    return _Answer(choice, cheapest_accuracy + bound.gain + price * spare, price)


def _take_steepest(instance: Instance, segments: Segments, budget: float) -> _Start:
    spare = exact_remainder(budget, instance.costs_of(instance.cheapest))
    taken = int(np.searchsorted(segments.extra_cost.cumsum(), spare, side="right"))
    taken = min(taken, len(segments) - 1)  # all of them do not fit, whatever a rounded sum says
    while True:
        choice = segments.choose(instance.cheapest, taken)
        room = exact_remainder(budget, instance.costs_of(choice))
        if room >= 0 or taken == 0:
            return _Start(choice, taken, room)
        taken -= 1
