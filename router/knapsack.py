"""The multiple-choice knapsack behind an allocation: steepest segments first, a certificate, then exact closure.

Maximise sum_i w_i a_i,choice(i) subject to sum_i c_i,choice(i) <= budget. Sinha and Zoltners 1979 (hulls and the
linear relaxation), Pisinger 1995 (a core that is closed by dynamic programming).
"""

import math
from typing import NamedTuple

import numpy as np

from router.allocation import DEFERRED, Allocation
from router.choose import Choice
from router.closure import Terms, close_gap
from router.core import gather_core
from router.fill import fill_room
from router.free_steps import NONE_FREE, FreeSteps, find_free_steps, use_free_steps
from router.instance import Instance
from router.totals import find_real_budget, largest_sum, sum_magnitudes
from router.upgrades import Taken, Upgrades, change, complete, find_upgrades, measure_room, take, take_steepest

EXACT_TRIES = 3  # at leaving out only what is as dear as a choice that rounding puts above the budget
TOLERANCE = 1e-12  # a gap below this share of the accuracy is rounding


class _Answer(NamedTuple):
    """A choice of the active tasks, the price, and what nothing within the budget can gain more than."""

    choice: Choice
    price: float
    missing: float


def solve_knapsack(instance: Instance, budget: float) -> Allocation:
    """The best allocation within a budget that the cheapest choice fits."""
    upgrades = find_upgrades(instance, budget)
    if upgrades.may_all_fit:
        richest = complete(upgrades, take(upgrades, len(upgrades.segments.task)))
        if largest_total(instance, richest) <= budget:
            return describe_allocation(instance, richest, upper_bound=math.inf, shadow_price=0.0, proven=True)
    # The bound of the first try holds for whatever sums to the budget in floating point, so its choice may exceed the
    # budget; then the next tries leave out what is as dear, and soon a margin.
    answer = _solve_within(upgrades, find_real_budget(budget, instance))
    choice = complete(upgrades, answer.choice)
    upper_bound, margin, tries = float(choice.value.sum()) + answer.missing, 0.0, 0
    while (excess := largest_total(instance, choice) - budget) > 0:
        tries += 1
        margin = 2 * max(margin, excess) if tries > EXACT_TRIES else 0.0
        as_dear = -measure_room(upgrades, answer.choice, 0.0)
        answer = _solve_within(upgrades, min(math.nextafter(as_dear, 0.0), budget - margin))
        choice = complete(upgrades, answer.choice)
    return describe_allocation(instance, choice, upper_bound=upper_bound, shadow_price=answer.price)


def describe_allocation(
    instance: Instance, choice: Choice, *, upper_bound: float, shadow_price: float, proven: bool = False
) -> Allocation:
    """A choice with its totals and its gap; proven when that is rounding, or for a reason the caller knows."""
    accuracy = float(choice.value.sum())
    gap = upper_bound - accuracy
    proven = proven or gap <= TOLERANCE * sum_magnitudes(choice.value)
    strategy = choice.strategy
    if instance.deferrable:
        strategy = np.where(strategy == instance.strategies - 1, DEFERRED, strategy)
    return Allocation(
        choice=strategy,
        accuracy=accuracy,
        cost=largest_total(instance, choice),
        upper_bound=accuracy if proven else upper_bound,
        gap=0.0 if proven else gap,
        shadow_price=shadow_price,
        proven=proven,
    )


def largest_total(instance: Instance, choice: Choice) -> float:
    """What a choice costs, however a caller adds it up: with the zeros of deferred tasks or without."""
    total = largest_sum(choice.cost)
    if not instance.deferrable:
        return total
    return max(total, largest_sum(choice.cost[choice.strategy != instance.strategies - 1]))


def _solve_within(upgrades: Upgrades, budget: float) -> _Answer:
    """The answer for real-valued sums; the start where a margin leaves it no room."""
    taken = take_steepest(upgrades, budget)
    if taken.room < 0:
        return _Answer(taken.choice, float(upgrades.segments.slope[0]), math.inf)
    steps = find_free_steps(upgrades.segments, taken.segments, taken.choice.strategy)
    return _close_gap(upgrades, taken, budget, steps)


def _close_gap(upgrades: Upgrades, taken: Taken, budget: float, steps: FreeSteps) -> _Answer:
    segments, start, room = upgrades.segments, taken.choice, taken.room
    price = float(segments.slope[taken.segments])
    filled = fill_room(segments, taken.segments, room, tasks=len(upgrades.active))
    limit = price * room - filled.gain
    core = gather_core(upgrades.instance, start.strategy, steps, price=price, limit=limit)
    if limit + core.excess > upgrades.margin:
        core = core._replace(complete=False)  # settled tasks may have alternatives under the limit
    magnitude = sum_magnitudes(upgrades.settled.value)
    terms = Terms(
        room, price, core.excess, filled.gain, TOLERANCE / 2 * magnitude, period=steps.cost, period_gain=steps.gain
    )
    closure = close_gap(core, terms)
    # What can be lost to rounding in comparing the values of all tasks at the price.
    missing = closure.missing + 2.0**-50 * (magnitude + price * budget) if closure.missing else 0.0
    if closure.made_of is None:
        fitting = filled.segments
        return _Answer(change(upgrades, start, segments.task[fitting], segments.strategy[fitting]), price, missing)
    made_of = closure.made_of
    choice = change(upgrades, start, core.alternatives.task[made_of], core.alternatives.strategy[made_of])
    if steps is not NONE_FREE:
        left = measure_room(upgrades, choice, budget)
        moves = use_free_steps(steps, left, core.alternatives.task[made_of])
        if moves is None:  # they ran out
            return _close_gap(upgrades, taken, budget, NONE_FREE)
        choice = change(upgrades, choice, moves.task, moves.strategy)
    return _Answer(choice, price, missing)
