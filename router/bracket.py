"""Tasks whose strategy is the same at every price that the budget can have, and the few others."""

import math
from typing import NamedTuple

import numpy as np

from router.blocks import map_blocks
from router.choose import Choice, choose_best, make_choice
from router.compiled import compiled
from router.core import measure_losses
from router.hull import order_steepest, trace_segments
from router.instance import LARGEST, Block, Floats, Indices, Instance

SAMPLE = 16_384  # tasks that a first guess of the price is made from
SPREAD = 5.0  # standard errors of the sample's cost that the bracket covers on each side
LEAST_STEP = 2.0**-18  # of the price: what the bracket covers on each side even where the sample leaves no doubt
CORE_TASKS = 4_096  # so many tasks have an alternative that loses less than the margin


class Bracket(NamedTuple):
    """Prices between which the budget is used up, and what an alternative may lose there to stay in play."""

    low: float
    high: float
    margin: float


class Settled(NamedTuple):
    """Each task's best strategy at the bracket's high end, and the tasks for which that is not the last word."""

    choice: Choice
    active: Indices  # ascending


ALL_PRICES = Bracket(0.0, math.inf, math.inf)


def guess_bracket(instance: Instance, budget: float, *, spread: float = SPREAD) -> Bracket:
    """Where the shadow price of a large instance lies, judged by an even sample; all prices for a small one."""
    tasks = len(instance)
    if tasks <= 2 * SAMPLE:
        return ALL_PRICES
    sample = instance.restrict(np.arange(SAMPLE, dtype=np.int64) * tasks // SAMPLE)
    start = choose_best(sample, worth=0.0, price=1.0)
    segments = trace_segments(sample, start.strategy)
    segments = segments.select(order_steepest(segments.slope))
    spent = float(start.cost.sum()) + segments.extra_cost.cumsum()
    share = budget / tasks * SAMPLE
    if not len(spent):
        return ALL_PRICES
    price = _slope_at(segments.slope, spent, share)
    chosen = choose_best(sample, worth=1.0, price=price)
    error = spread * float(chosen.cost.std()) * math.sqrt(SAMPLE)
    low, high = _slope_at(segments.slope, spent, share + error), _slope_at(segments.slope, spent, share - error)
    step = max(1.0 - spread * LEAST_STEP, 0.0)
    return Bracket(low * step, high / step if step else math.inf, _guess_margin(sample, chosen, price, tasks=tasks))


def settle_tasks(instance: Instance, bracket: Bracket) -> Settled:
    """Choose at both ends of the bracket, and set apart the tasks for which the ends do not agree, or hardly do."""
    if bracket == ALL_PRICES:
        return Settled(choose_best(instance, worth=0.0, price=1.0), np.arange(len(instance)))
    choice = make_choice(len(instance))

    def settle(block: Block) -> Indices:
        active = np.empty(len(block.value), dtype=np.int64)
        return active[: _settle(block, bracket, choice, active)]

    active = np.concatenate(map_blocks(settle, instance))
    return Settled(choice, active if 2 * len(active) < len(instance) else np.arange(len(instance)))


def _slope_at(slope: Floats, spent: Floats, budget: float) -> float:
    """The slope of the segment that a budget ends in; infinite before the first, 0 after the last."""
    if budget <= spent[0]:
        return math.inf
    at = int(np.searchsorted(spent, budget, side="left"))
    return float(slope[at]) if at < len(slope) else 0.0


def _guess_margin(sample: Instance, chosen: Choice, price: float, *, tasks: int) -> float:
    """What the nearest alternative loses in the share of the tasks that is wanted for the core."""
    nearest = measure_losses(sample, chosen.strategy, price=price, limit=0.0).nearest
    wanted = min(SAMPLE * CORE_TASKS // tasks, SAMPLE // 8)
    return float(np.partition(nearest, wanted)[wanted])


@compiled
def _settle(block: Block, bracket: Bracket, choice: Choice, active: Indices) -> int:
    """How many tasks are active.

    Losses are linear in the price: an alternative that loses more than the margin at both ends does so in between.
    """
    count, low, margin = 0, bracket.low, bracket.margin
    bounded = bracket.high < np.inf
    worth, price = (1.0, bracket.high) if bounded else (0.0, 1.0)
    for task in range(block.value.shape[0]):
        at_low, best_low, second_low = 0, -np.inf, -np.inf
        at_high, best_high, second_high = 0, -np.inf, -np.inf
        for strategy in range(block.value.shape[1]):
            # Selections and no branches: which cell is better next can not be predicted.
            v, c = block.value[task, strategy], block.cost[task, strategy]
            allowed = (abs(v) <= LARGEST) & (c >= 0) & (c <= LARGEST)
            score = v - low * c if allowed else -np.inf
            better = score > best_low
            second_low = best_low if better else max(score, second_low)
            at_low, best_low = (strategy, score) if better else (at_low, best_low)
            score = worth * v - price * c if allowed else -np.inf
            better = score > best_high
            second_high = best_high if better else max(score, second_high)
            at_high, best_high = (strategy, score) if better else (at_high, best_high)
        nearest = best_low - second_low
        if bounded:
            nearest = min(nearest, best_high - second_high)
        at = block.first_task + task
        if at_low != at_high or nearest <= margin:
            at_high = _find_cheapest_best(block.value[task], block.cost[task], at_high, worth, price)
            active[count] = at
            count += 1
        choice.strategy[at] = at_high
        choice.cost[at], choice.value[at] = block.cost[task, at_high], block.value[task, at_high]
    return count


@compiled
def _find_cheapest_best(value: Floats, cost: Floats, best: int, worth: float, price: float) -> int:
    """Of the strategies with the score of the best the cheapest, of these the most accurate, of these the first."""
    score = worth * value[best] - price * cost[best]
    for strategy in range(len(value)):
        v, c = value[strategy], cost[strategy]
        if not (abs(v) <= LARGEST and 0 <= c <= LARGEST) or worth * v - price * c < score:
            continue
        if c < cost[best] or (c == cost[best] and v > value[best]):
            best = strategy
    return best
