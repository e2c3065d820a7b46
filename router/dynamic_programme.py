"""The plain dynamic programme over tasks and steps of the budget, kept as a reference.

Gundlach et al., CONCUR, section 3.3. As published it rounds costs to the nearest step, which breaks budgets; here what
a strategy costs above its task's cheapest is rounded up to whole steps, and what the budget has above the cheapest
total down, so that the true costs fit. Time grows with tasks * steps * strategies, memory with tasks * steps.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from router.allocation import Allocation
from router.errors import InfeasibleBudget, InvalidAllocationInput
from router.frontier import Frontier, frontier
from router.instance import Floats, Indices, Instance
from router.totals import Remainder, largest_sum, subtract

TOLERANCE = 1e-12  # a gap below this share of the accuracy is rounding
LEAST_EXACT = 2.0**53  # whole numbers up to here add up without rounding


class _Table(NamedTuple):
    """The instance in steps, and the best strategy of every task for every number of steps left."""

    steps: Indices  # (tasks, strategies) that a strategy takes; one more than there are where it can not be chosen
    strategy: NDArray[np.integer]  # (tasks, steps + 1)


def solve_by_steps(instance: Instance, budget: float, steps: int = 10_000) -> Allocation:
    """The best allocation in which every upgrade costs a whole number of steps.

    The optimum, and proven, where all costs are whole numbers and a step is one: steps = budget - cheapest total.
    """
    if steps < 1:
        raise InvalidAllocationInput(f"steps is {steps}: the budget has at least 1 step")
    gain, cost = _read_cells(instance)
    cheapest = cost.min(axis=1, initial=np.inf)
    if (least := largest_sum(cheapest)) > budget:
        raise InfeasibleBudget(budget=budget, smallest_feasible=least)
    extra = cost - cheapest[:, np.newaxis]
    spare = max(subtract(Remainder(budget, 0.0), cheapest).rounded, 0.0) if np.isfinite(budget) else np.inf
    # Where even the dearest fit, nothing has to be counted.
    all_fit = largest_sum(np.where(np.isfinite(cost), cost, 0.0).max(axis=1, initial=0.0)) <= budget
    counts = np.where(np.isfinite(cost), 0, steps + 1) if all_fit else _round_up(extra, spare / steps, steps)
    choice = _choose_within(_fill_table(gain, counts, steps), cost, budget, steps)
    chosen = (np.arange(len(choice)), choice)
    proven = all_fit or _is_whole(extra, spare, counts, steps)
    curve = frontier(instance.accuracy, instance.cost, weight=instance.weight)
    return _describe(choice, gain[chosen], cost[chosen], budget, curve, proven=proven)


def _read_cells(instance: Instance) -> tuple[Floats, Floats]:
    """Weighted accuracy and cost (tasks, strategies), -inf and inf where not allowed."""
    gain, cost = np.array(instance.accuracy, dtype=np.float64), np.array(instance.cost, dtype=np.float64)
    forbidden = ~(np.isfinite(gain) & np.isfinite(cost))
    if instance.weight is not None:
        gain *= instance.weight[:, np.newaxis]
    gain[forbidden], cost[forbidden] = -np.inf, np.inf
    return gain, cost


def _round_up(extra: Floats, step: float, steps: int) -> Indices:
    """(tasks, strategies) the fewest whole steps that are worth at least the extra cost."""
    if step == 0:
        return np.asarray(np.where(extra == 0, 0, steps + 1))
    # The nearest number, and one more where that is too little: rounding up what the division rounded up already would
    # be a step too many, and what costs all that there is would not fit.
    with np.errstate(over="ignore"):  # infinite is more than there are, too
        counts = np.minimum(np.rint(extra / step), steps + 1)
    counts += counts * step < extra
    return np.asarray(np.minimum(counts, steps + 1), dtype=np.int64)


def _fill_table(gain: Floats, counts: Indices, steps: int) -> _Table:
    tasks, strategies = gain.shape
    chosen = np.zeros((tasks, steps + 1), dtype=np.min_scalar_type(max(strategies - 1, 0)))
    best = np.zeros(steps + 1)  # best[b]: the most accuracy that the tasks so far reach within b steps
    for task in range(tasks):
        following = np.full(steps + 1, -np.inf)
        for strategy in range(strategies):
            count = counts[task, strategy]
            if count <= steps:
                reached = best[: steps + 1 - count] + gain[task, strategy]
                better = reached > following[count:]
                following[count:][better] = reached[better]
                chosen[task, count:][better] = strategy
        best = following
    return _Table(counts, chosen)


def _choose_within(table: _Table, cost: Floats, budget: float, steps: int) -> Indices:
    """The table's choice for the most steps at which the true costs sum to the budget at most."""
    tasks = np.arange(len(cost))
    for left in range(steps, -1, -1):
        choice = _trace_back(table, left)
        if largest_sum(cost[tasks, choice]) <= budget:
            break
    return choice


def _trace_back(table: _Table, left: int) -> Indices:
    choice = np.empty(len(table.steps), dtype=np.int64)
    for task in range(len(choice) - 1, -1, -1):
        choice[task] = table.strategy[task, left]
        left -= table.steps[task, choice[task]]
    return choice


def _is_whole(extra: Floats, spare: float, counts: Indices, steps: int) -> bool:
    """Whether nothing was rounded: all is in whole numbers, and a step is one that divides them."""
    step = spare / steps
    if spare > LEAST_EXACT or step != int(step):
        return False
    fits = extra <= spare
    return bool((counts[fits] * step == extra[fits]).all())


def _describe(
    choice: Indices, gains: Floats, costs: Floats, budget: float, curve: Frontier, *, proven: bool
) -> Allocation:
    """The choice with the bound of the linear relaxation, or its own accuracy where that is proven."""
    accuracy, rounding = float(gains.sum()), TOLERANCE * float(np.abs(gains).sum())
    gap = max(curve.accuracy_at(budget) - accuracy, 0.0)
    proven = proven or gap <= rounding
    return Allocation(
        choice=choice,
        accuracy=accuracy,
        cost=largest_sum(costs),
        upper_bound=accuracy if proven else accuracy + gap,
        gap=0.0 if proven else gap,
        shadow_price=curve.price_at(budget),
        proven=proven,
    )
