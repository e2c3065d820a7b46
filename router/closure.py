"""The last step to the optimum: a dynamic programme over the few tasks that can still change."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from router.compiled import compiled
from router.core import Alternatives, Core
from router.hull import Numbers
from router.instance import Floats, Indices

STATE_LIMIT = 65_536  # states kept of each half; past it those that lose least are kept and nothing is proven
WORK_LIMIT = 6_000_000  # states looked at in one closure, under a tenth of a second
POOL = 3_000_000  # states kept in all


class Terms(NamedTuple):
    """What is looked for: changes with a gain above `gain` that cost at most `room`.

    `excess` is the core's. Steps of `period` in cost, each of which gains `period_gain`, can be added or taken away
    freely and lose nothing; there are none where the period is infinite.
    """

    room: float
    price: float
    excess: float
    gain: float
    tolerance: float
    period: float = math.inf
    period_gain: float = 0.0


class Closure(NamedTuple):
    """The best changes found to a starting choice, apart from free steps."""

    made_of: Indices | None  # (changes,) indices of the core's alternatives; None where none beats the gain to beat
    missing: float  # nothing within the room gains more than this beyond the best; 0: proven


class _Pool(NamedTuple):
    """All states kept, step by step, for tracing back how the best one came about."""

    parent: Numbers  # (states,) which state of the same half each was before the step
    change: Numbers  # (states,) the alternative that the step changed it to, -1 for none
    begin: Indices  # (steps + 1,) where each step's states begin
    half: Indices  # (steps,)


class _States(NamedTuple):
    """Sets of changes, sorted by cost; each is dearer and gains more than the one before."""

    cost: Floats
    gain: Floats
    parent: Numbers
    change: Numbers


class _Pair(NamedTuple):
    """A state of each half."""

    gain: float
    one: int
    other: int


def close_gap(core: Core, terms: Terms) -> Closure:
    """The best changes that cost at most `room`.

    The tasks of the core are dealt into two halves. A state of a half is a set of changes to its tasks looked at so
    far. States that lose so much that they can not beat the best pair found are dropped, and so are those both dearer
    and worse than another (Pisinger 1995, section 3). The best pair of states is found by running through one half
    upwards in cost and through the other downwards (Horowitz and Sahni 1974).
    """
    first = np.flatnonzero(np.diff(core.alternatives.task, prepend=-1, append=-2))  # (tasks + 1,)
    steps = np.zeros(len(first) + 1, np.int64)
    pool = _Pool(np.empty(POOL, np.int32), np.empty(POOL, np.int32), steps, steps.copy())
    taken, best, complete = _search(first, core.alternatives, core.more_alike, terms, pool)
    missing = terms.price * terms.room + core.excess - best.gain
    if (complete and core.complete) or missing <= terms.tolerance:
        missing = 0.0
    made_of = _trace_back(pool, taken, best) if taken else None
    return Closure(made_of, missing)


@compiled
def _search(
    first: Indices, alternatives: Alternatives, more_alike: NDArray[np.bool_], terms: Terms, pool: _Pool
) -> tuple[int, _Pair, bool]:
    """After how many steps the best pair was found (0: none beats the gain to beat), the pair, and if all was seen."""
    cost, gain, count = np.zeros((2, STATE_LIMIT)), np.zeros((2, STATE_LIMIT)), np.ones(2, np.int64)
    states, spare = _make_states(2 * STATE_LIMIT), _make_states(2 * STATE_LIMIT)
    taken, best, complete, changed = 0, _Pair(terms.gain, 0, 0), True, True
    work, steps, half = 0, 0, 0
    for task in range(len(first) - 1):
        begin, end = first[task], first[task + 1]
        missing = terms.price * terms.room + terms.excess - best.gain
        if missing <= terms.tolerance or alternatives.loss[begin:end].min() >= missing:
            break
        if not _is_alike(first, alternatives, task):
            half = 0 if count[0] <= count[1] else 1  # tasks that are alike stay in one half
        elif not changed:
            continue  # one more of the same adds nothing
        if work >= WORK_LIMIT or pool.begin[steps] + STATE_LIMIT > POOL:
            complete = False
            break
        work += (end - begin + 1) * count[half] + count[0] + count[1]
        before = cost[half, : count[half]], gain[half, : count[half]]
        kept = _add_step(states, 0, before, (0.0, 0.0, -1), terms, missing, spare)
        states, spare = spare, states
        for step in range(begin, end):
            change = (alternatives.extra_cost[step], alternatives.gain[step], step)
            kept = _add_step(states, kept, before, change, terms, missing, spare)
            states, spare = spare, states
            work += kept
            if kept > STATE_LIMIT:
                complete, kept = False, _keep_nearest(states, kept, terms.price)
        cost[half, :kept], gain[half, :kept], count[half] = states.cost[:kept], states.gain[:kept], kept
        changed = _store(states, kept, pool, steps, half)
        complete = complete and not (changed and more_alike[begin])
        steps += 1
        pair = _join(cost, gain, count, terms)
        if pair.gain > best.gain:
            taken, best = steps, pair
    return taken, best, complete


@compiled
def _make_states(size: int) -> _States:
    return _States(np.empty(size), np.empty(size), np.empty(size, np.int32), np.empty(size, np.int32))


@compiled
def _is_alike(first: Indices, alternatives: Alternatives, task: int) -> bool:
    """Whether a task has just the alternatives of the one before it."""
    here, before, count = first[task], first[task - 1], first[task + 1] - first[task]
    if task == 0 or here - before != count:
        return False
    cost, gain = alternatives.extra_cost, alternatives.gain
    for step in range(count):
        if cost[here + step] != cost[before + step] or gain[here + step] != gain[before + step]:
            return False
    return True


@compiled
def _add_step(
    kept: _States,
    kept_count: int,
    before: tuple[Floats, Floats],
    step: tuple[float, float, int],
    terms: Terms,
    missing: float,
    out: _States,
) -> int:
    """The states kept so far and those before the task with a change added; costs are taken modulo the period."""
    extra_cost, gain, change = step
    if terms.period == np.inf:
        return _merge(kept, kept_count, before, 0, len(before[0]), step, terms, missing, out)
    periods = np.floor(extra_cost / terms.period)
    extra_cost, gain = extra_cost - periods * terms.period, gain - periods * terms.period_gain
    wraps = np.searchsorted(before[0], terms.period - extra_cost)
    wrapped = (extra_cost - terms.period, gain - terms.period_gain, change)
    found = _merge(kept, kept_count, before, wraps, len(before[0]), wrapped, terms, missing, out)
    for state in range(found):
        kept.cost[state], kept.gain[state] = out.cost[state], out.gain[state]
        kept.parent[state], kept.change[state] = out.parent[state], out.change[state]
    return _merge(kept, found, before, 0, wraps, (extra_cost, gain, change), terms, missing, out)


@compiled
def _merge(
    kept: _States,
    kept_count: int,
    before: tuple[Floats, Floats],
    begin: int,
    end: int,
    step: tuple[float, float, int],
    terms: Terms,
    missing: float,
    out: _States,
) -> int:
    """Two sorted runs of states as one, without those that are no use.

    Gains that differ by less than a thousandth of the tolerance are equal but for rounding; without it, sums in
    another order would count as new states.
    """
    extra_cost, gain, change = step
    one, other, found, best, least_gain = 0, begin, 0, -np.inf, terms.tolerance / 1024
    while one < kept_count or other < end:
        cost = before[0][other] + extra_cost if other < end else np.inf
        worth = before[1][other] + gain if other < end else -np.inf
        if one < kept_count and (kept.cost[one] < cost or (kept.cost[one] == cost and kept.gain[one] >= worth)):
            cost, worth, parent, changed = kept.cost[one], kept.gain[one], kept.parent[one], kept.change[one]
            one += 1
        else:
            parent, changed = other, change
            other += 1
        if worth > best + least_gain and terms.price * cost - worth < missing:
            out.cost[found], out.gain[found], out.parent[found], out.change[found] = cost, worth, parent, changed
            best = worth
            found += 1
    return found


@compiled
def _keep_nearest(states: _States, count: int, price: float) -> int:
    """Cut the states down to the limit: those that lose least stay."""
    loss = price * states.cost[:count] - states.gain[:count]
    threshold = np.partition(loss, STATE_LIMIT)[STATE_LIMIT]
    kept = 0
    for state in range(count):
        if loss[state] < threshold:
            states.cost[kept], states.gain[kept] = states.cost[state], states.gain[state]
            states.parent[kept], states.change[kept] = states.parent[state], states.change[state]
            kept += 1
    return kept


@compiled
def _store(states: _States, count: int, pool: _Pool, step: int, half: int) -> bool:
    """Remember how the states came about; whether any of them has changed the task."""
    begin, changed = pool.begin[step], False
    for state in range(count):
        pool.parent[begin + state], pool.change[begin + state] = states.parent[state], states.change[state]
        changed = changed or states.change[state] >= 0
    pool.begin[step + 1], pool.half[step] = begin + count, half
    return changed


@compiled
def _join(cost: Floats, gain: Floats, count: Indices, terms: Terms) -> _Pair:
    """The pair of states that gains most within the room, with as many free steps as fit beside it."""
    if terms.period == np.inf:
        return _find_pair(cost, gain, count, terms.room)
    periods = np.floor(terms.room / terms.period)
    best = _Pair(-np.inf, 0, 0)
    for less in range(3):  # two costs below the period sum to less than two of them
        room = terms.room - (periods - less) * terms.period
        pair = _find_pair(cost, gain, count, room)
        total = pair.gain + (periods - less) * terms.period_gain
        if total > best.gain:
            best = _Pair(total, pair.one, pair.other)
    return best


@compiled
def _find_pair(cost: Floats, gain: Floats, count: Indices, room: float) -> _Pair:
    best_gain, best_one, best_other = -np.inf, 0, 0
    other = count[1] - 1
    for one in range(count[0]):
        while other >= 0 and cost[0, one] + cost[1, other] > room:
            other -= 1
        if other < 0:
            break
        if gain[0, one] + gain[1, other] > best_gain:
            best_gain, best_one, best_other = gain[0, one] + gain[1, other], one, other
    return _Pair(best_gain, best_one, best_other)


@compiled
def _trace_back(pool: _Pool, steps: int, best: _Pair) -> Indices:
    """The alternatives that make a pair of states."""
    made_of, count = np.empty(steps, np.int64), 0
    state = np.array([best.one, best.other])
    for step in range(steps - 1, -1, -1):
        half = pool.half[step]
        at = pool.begin[step] + state[half]
        if pool.change[at] >= 0:
            made_of[count] = pool.change[at]
            count += 1
        state[half] = pool.parent[at]
    return made_of[:count]
