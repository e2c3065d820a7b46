"""Where an allocation starts: a choice within the budget, and the upgrades that may use up the rest."""

import math
from typing import NamedTuple

import numpy as np

from router.bracket import SPREAD, guess_bracket, settle_tasks
from router.choose import Choice, update_choice
from router.hull import Numbers, Segments, order_steepest, trace_segments
from router.instance import Indices, Instance
from router.totals import Remainder, count_fitting, subtract

ROUNDING = 1e-9  # of the budget: more than any sum of costs is off by
WIDER = 8.0  # a bracket of prices that missed the budget is tried so many times as wide


class Upgrades(NamedTuple):
    """Some tasks' choice, and segments to upgrade it by; all other tasks' strategies are settled."""

    instance: Instance  # of the active tasks
    start: Choice  # of the active tasks
    segments: Segments  # of the active tasks, steepest first
    may_all_fit: bool
    settled: Choice  # of all tasks; that of the active ones is theirs to change
    active: Indices  # (active,) ascending
    settled_cost: Remainder  # what the others cost, as a negative number
    margin: float  # every other alternative of theirs loses more than this at the price


class Taken(NamedTuple):
    """The steepest segments that fit."""

    choice: Choice  # of the active tasks
    segments: int
    room: float  # what they leave of the budget


def find_upgrades(instance: Instance, budget: float) -> Upgrades:
    """The tasks whose strategy depends on the price around the budget's shadow price, and their upgrades there."""
    spread = SPREAD
    while True:
        bracket = guess_bracket(instance, budget, spread=spread)
        settled, active = settle_tasks(instance, bracket)
        all_active = len(active) == len(instance)
        part = instance if all_active else instance.restrict(active)
        start = settled.copy() if all_active else settled.select(active)
        segments = trace_segments(part, start.strategy, low=bracket.low, high=bracket.high)
        spare = budget - float(settled.cost.sum())
        uses_all = float(segments.extra_cost.sum()) > spare + budget * ROUNDING
        if (spare >= budget * ROUNDING or bracket.high == math.inf) and (uses_all or bracket.low == 0):
            break
        spread *= WIDER
    segments = segments.select(order_steepest(segments.slope))
    settled_cost = Remainder(0.0, 0.0)
    if not all_active:
        others = np.ones(len(instance), dtype=np.bool_)
        others[active] = False
        settled_cost = subtract(settled_cost, settled.cost[others])
    margin = math.inf if all_active else bracket.margin
    return Upgrades(part, start, segments, not uses_all, settled, active, settled_cost, margin)


def take_steepest(upgrades: Upgrades, budget: float) -> Taken:
    """The choice after the steepest segments that fit, as real numbers add up; negative room where nothing does."""
    segments = upgrades.segments
    spare = measure_room(upgrades, upgrades.start, budget)
    count = count_fitting(segments.extra_cost, spare)
    count = min(count, len(segments.task) - 1)  # all of them do not fit, whatever a rounded sum says
    while True:
        choice = take(upgrades, count)
        room = measure_room(upgrades, choice, budget)
        if room >= 0 or count == 0:
            return Taken(choice, count, room)
        count -= 1


def take(upgrades: Upgrades, count: int) -> Choice:
    """The choice after the first so many segments."""
    segments = upgrades.segments.select(slice(count))
    return change(upgrades, upgrades.start, segments.task, segments.strategy)


def change(upgrades: Upgrades, choice: Choice, task: Indices | Numbers, strategy: Indices | Numbers) -> Choice:
    """The choice with some tasks' strategies changed; of several changes of one task the last one counts."""
    changed = choice.copy()
    changed.strategy[task] = strategy
    update_choice(upgrades.instance, choice.strategy, changed)
    return changed


def measure_room(upgrades: Upgrades, choice: Choice, budget: float) -> float:
    """What a choice leaves of a budget, in twice the precision of a float and then rounded."""
    settled = upgrades.settled_cost
    left = subtract(Remainder(budget, 0.0), choice.cost)
    return subtract(left, np.array([-settled.rounded, -settled.error])).rounded


def complete(upgrades: Upgrades, choice: Choice) -> Choice:
    """The choice of all tasks. It is valid until the next call: no copy is made."""
    all_active = len(upgrades.active) == len(upgrades.settled.strategy)
    for column, part in zip(upgrades.settled, choice, strict=True):
        column[slice(None) if all_active else upgrades.active] = part
    return upgrades.settled
