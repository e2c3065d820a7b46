"""The multiple-choice knapsack behind an allocation: steepest segments first, a certificate, then exact closure.

Maximise sum_i w_i a_i,choice(i) subject to sum_i c_i,choice(i) <= budget. Sinha and Zoltners 1979 (hulls and the
linear relaxation), Pisinger 1995 (a core that is closed by dynamic programming).
"""

import math
from typing import NamedTuple

import numpy as np

from router.allocation import DEFERRED, Allocation
from router.bracket import SPREAD, guess_bracket, settle_tasks
from router.choose import Choice, look_up
from router.closure import close_gap
from router.core import gather_core
from router.fill import Changes, fill_room
from router.hull import Segments, order_steepest, trace_segments
from router.instance import Floats, Indices, Instance
from router.totals import exact_remainder, largest_excess, largest_sum

TOLERANCE = 1e-12  # a gap below this share of the accuracy is rounding
ROUNDING = 1e-9  # of the budget: more than any sum of costs is off by
WIDER = 8.0  # a bracket of prices that missed the budget is tried so many times as wide


class _Upgrades(NamedTuple):
    """A choice within the budget, and the upgrades that may use up the rest."""

    choice: Choice  # of all tasks
    active: Indices  # (active,) the tasks that upgrades are for, ascending
    instance: Instance  # of the active tasks
    segments: Segments  # of the active tasks, steepest first
    may_all_fit: bool


class _Answer(NamedTuple):
    """A choice for a budget, and the largest accuracy any choice can have there."""

    choice: Choice
    upper_bound: float
    price: float


def solve_knapsack(instance: Instance, budget: float) -> Allocation:
    """The best allocation within a budget that the cheapest choice fits."""
    upgrades = _find_upgrades(instance, budget)
    if upgrades.may_all_fit:
        richest = _take(upgrades, len(upgrades.segments.task))
        if largest_total(instance, richest) <= budget:
            return describe_allocation(instance, richest, upper_bound=math.inf, shadow_price=0.0, proven=True)
    # The bound of the first try holds for whatever sums to the budget in floating point, so its choice may exceed the
    # budget; then the next tries leave a margin.
    answer = _solve_within(upgrades, budget + largest_excess(budget, instance))
    upper_bound, margin = answer.upper_bound, 0.0
    while (excess := largest_total(instance, answer.choice) - budget) > 0:
        margin = max(2 * margin, 2 * excess, math.ulp(budget))
        answer = _solve_within(upgrades, budget - margin)
    return describe_allocation(instance, answer.choice, upper_bound=upper_bound, shadow_price=answer.price)


def describe_allocation(
    instance: Instance, choice: Choice, *, upper_bound: float, shadow_price: float, proven: bool = False
) -> Allocation:
    """A choice with its totals and its gap; proven when that is rounding, or for a reason the caller knows."""
    accuracy = float(choice.value.sum())
    gap = upper_bound - accuracy
    proven = proven or gap <= TOLERANCE * _sum_magnitudes(choice.value)
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


def _find_upgrades(instance: Instance, budget: float) -> _Upgrades:
    spread = SPREAD
    while True:
        bracket = guess_bracket(instance, budget, spread=spread)
        settled = settle_tasks(instance, bracket)
        spare = exact_remainder(budget, settled.choice.cost)
        part = instance.restrict(settled.active) if len(settled.active) < len(instance) else instance
        start = settled.choice.strategy[settled.active]
        segments = trace_segments(part, start, low=bracket.low, high=bracket.high)
        uses_all = float(segments.extra_cost.sum()) > spare + budget * ROUNDING
        if (spare >= budget * ROUNDING or bracket.high == math.inf) and (uses_all or bracket.low == 0):
            segments = segments.select(order_steepest(segments.slope))
            return _Upgrades(settled.choice, settled.active, part, segments, not uses_all)
        spread *= WIDER


def _solve_within(upgrades: _Upgrades, budget: float) -> _Answer:
    """The answer for real-valued sums; the cheapest choice where a margin leaves it no room."""
    start, taken, room = _take_steepest(upgrades, budget)
    segments = upgrades.segments
    price = float(segments.slope[taken])
    if room < 0:
        return _Answer(start, math.inf, price)
    filled = fill_room(segments, taken, room, tasks=len(upgrades.active))
    strategy = start.strategy[upgrades.active]
    core = gather_core(upgrades.instance, strategy, price=price, limit=price * room - filled.gain)
    magnitude = _sum_magnitudes(start.value)
    closure = close_gap(core, room=room, price=price, incumbent=filled, tolerance=TOLERANCE / 2 * magnitude)
    choice = _change(upgrades, start, closure.best)
    rounding = 2.0**-50 * (magnitude + price * budget)
    upper_bound = float(choice.value.sum()) + closure.missing + (rounding if closure.missing else 0.0)
    return _Answer(choice, upper_bound, price)


def _take_steepest(upgrades: _Upgrades, budget: float) -> tuple[Choice, int, float]:
    """The choice after the steepest segments that fit, their number, and the room they leave."""
    spare = exact_remainder(budget, upgrades.choice.cost)
    extra_cost = upgrades.segments.extra_cost
    taken = int(np.searchsorted(extra_cost.cumsum(), spare, side="right"))
    taken = min(taken, len(extra_cost) - 1)  # all of them do not fit, whatever a rounded sum says
    while True:
        choice = _take(upgrades, taken)
        room = exact_remainder(budget, choice.cost)
        if room >= 0 or taken == 0:
            return choice, taken, room
        taken -= 1


def _take(upgrades: _Upgrades, taken: int) -> Choice:
    """The choice after the first so many segments: of several of one task the last one counts."""
    segments = upgrades.segments.select(slice(taken))
    return _change(upgrades, upgrades.choice, Changes(segments.task, segments.strategy, 0.0))


def _change(upgrades: _Upgrades, choice: Choice, changes: Changes) -> Choice:
    strategy, cost, value = (column.copy() for column in choice)
    strategy[upgrades.active[changes.task]] = changes.strategy
    touched = np.zeros(len(upgrades.active), dtype=np.bool_)
    touched[changes.task] = True
    changed = np.flatnonzero(touched)
    tasks = upgrades.active[changed]
    found = look_up(upgrades.instance.restrict(changed), strategy[tasks])
    cost[tasks], value[tasks] = found.cost, found.value
    return Choice(strategy, cost, value)


def _sum_magnitudes(value: Floats) -> float:
    return float(np.abs(value).sum())
