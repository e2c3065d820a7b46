"""The last step to the optimum: a dynamic programme over the few tasks that can still change."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from router.compiled import compiled
from router.core import Alternatives, Core
from router.hull import Numbers
from router.instance import Floats, Indices

STATE_LIMIT = 32_768  # states kept of each half; past it those that lose least are kept and nothing is proven
WORK_LIMIT = 6_000_000  # states looked at in one closure, under a tenth of a second
BARS = 4_096  # of the histogram by which states are cut down to the limit
POOL = 1_500_000  # states kept in all
SMALL_POOL = 8_192  # of these, what there is room for at first: to get room for all takes the system a while


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


class _Half(NamedTuple):
    """The states of a half before a step."""

    cost: Floats
    gain: Floats


class _Change(NamedTuple):
    """An alternative, or none."""

    extra_cost: float
    gain: float
    number: int  # the alternative, -1 for none


class _Limits(NamedTuple):
    """What makes a state useless: it loses as much as is missing, or gains no more than a cheaper one.

    Gains that differ by less than a thousandth of the tolerance are equal but for rounding; without it, sums in
    another order would count as new states.
    """

    price: float
    missing: float
    least_gain: float


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
    made_of, gain, complete = _search(core.alternatives, core.more_alike, terms)
    missing = terms.price * terms.room + core.excess - gain
    proven = (complete and core.complete) or missing <= terms.tolerance
    return Closure(made_of if gain > terms.gain else None, 0.0 if proven else missing)


@compiled
def _search(alternatives: Alternatives, more_alike: NDArray[np.bool_], terms: Terms) -> tuple[Indices, float, bool]:
    """The alternatives that gain most together, none where no gain beats the one to beat; the gain; if all was seen."""
    first = _find_first(alternatives.task)
    pool = _Pool(np.empty(0, np.int32), np.empty(0, np.int32), np.zeros_like(first), np.zeros_like(first))
    halves = [_Half(np.zeros(1), np.zeros(1)), _Half(np.zeros(1), np.zeros(1))]
    taken, best, complete, changed = 0, _Pair(terms.gain, 0, 0), True, True
    work, steps, half, unchanged = 0, 0, 0, _Change(0.0, 0.0, -1)
    for task in range(len(first) - 1):
        begin, end = first[task], first[task + 1]
        missing = terms.price * terms.room + terms.excess - best.gain
        if missing <= terms.tolerance or alternatives.loss[begin:end].min() >= missing:
            break
        if not _is_alike(first, alternatives, task):
            half = 0 if len(halves[0].cost) <= len(halves[1].cost) else 1  # tasks that are alike stay in one half
        elif not changed:
            continue  # one more of the same adds nothing
        if work >= WORK_LIMIT or pool.begin[steps] + STATE_LIMIT > POOL:
            complete = False
            break
        limits = _Limits(terms.price, missing, terms.tolerance / 1024)
        states = _merge(_make_states(0), halves[half], 0, unchanged, limits)
        for step in range(begin, end):
            if alternatives.loss[step] < missing:
                work += len(halves[half].cost) + len(states.cost)
                change = _Change(alternatives.extra_cost[step], alternatives.gain[step], step)
                states = _add_change(states, halves[half], change, terms, limits)
            if len(states.cost) > STATE_LIMIT:
                complete, states = False, _keep_nearest(states, limits)
        halves[half] = _Half(states.cost, states.gain)
        pool = _make_room(pool, pool.begin[steps], len(states.cost))
        changed = _store(states, pool, steps, half)
        complete = complete and not (changed and more_alike[begin])
        steps, work = steps + 1, work + len(halves[0].cost) + len(halves[1].cost)
        pair = _join(halves[0], halves[1], terms)
        if pair.gain > best.gain:
            taken, best = steps, pair
    return _trace_back(pool, taken, best), best.gain, complete


@compiled
def _find_first(task: Indices) -> Indices:
    """(tasks + 1,) where each task's alternatives begin."""
    first, count = np.empty(len(task) + 1, np.int64), 0
    for step in range(len(task)):
        first[count] = step
        count += step == 0 or task[step] != task[step - 1]
    first[count] = len(task)
    return first[: count + 1]


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
def _add_change(kept: _States, half: _Half, change: _Change, terms: Terms, limits: _Limits) -> _States:
    """The states kept so far and those of a half with a change added; costs are taken modulo the period."""
    if terms.period == np.inf:
        return _merge(kept, half, 0, change, limits)
    periods = np.floor(change.extra_cost / terms.period)
    extra_cost = change.extra_cost - periods * terms.period
    gain = change.gain - periods * terms.period_gain
    wraps = np.searchsorted(half.cost, terms.period - extra_cost)
    wrapped = _Change(extra_cost - terms.period, gain - terms.period_gain, change.number)
    kept = _merge(kept, _Half(half.cost[wraps:], half.gain[wraps:]), wraps, wrapped, limits)
    rest = _Half(half.cost[:wraps], half.gain[:wraps])
    return _merge(kept, rest, 0, _Change(extra_cost, gain, change.number), limits)


@compiled
def _merge(kept: _States, half: _Half, first: int, change: _Change, limits: _Limits) -> _States:
    """The states kept so far and those of a half, the first of which is number `first`, with a change added."""
    one, other, found, best = 0, 0, 0, -np.inf
    out = _make_states(len(kept.cost) + len(half.cost))
    while one < len(kept.cost) or other < len(half.cost):
        cost, gain = np.inf, -np.inf
        if other < len(half.cost):
            cost, gain = half.cost[other] + change.extra_cost, half.gain[other] + change.gain
        parent, number = first + other, change.number
        if one < len(kept.cost) and (kept.cost[one] < cost or (kept.cost[one] == cost and kept.gain[one] >= gain)):
            cost, gain, parent, number = kept.cost[one], kept.gain[one], kept.parent[one], kept.change[one]
            one += 1
        else:
            other += 1
        if gain > best + limits.least_gain and limits.price * cost - gain < limits.missing:
            out.cost[found], out.gain[found], out.parent[found], out.change[found] = cost, gain, parent, number
            best = gain
            found += 1
    return _States(out.cost[:found], out.gain[:found], out.parent[:found], out.change[:found])


@compiled
def _keep_nearest(states: _States, limits: _Limits) -> _States:
    """As many states as the limit allows: those that lose least, by a histogram, of equals the nearest to no cost."""
    share = (limits.price * states.cost - states.gain) / limits.missing
    bars = np.minimum(np.maximum(share * BARS, 0.0), BARS - 1.0).astype(np.int64)
    states_in = np.zeros(BARS, np.int64)
    for bar in bars:
        states_in[bar] += 1
    lowest, total = 0, states_in[0]
    while total + states_in[lowest + 1] <= STATE_LIMIT:
        lowest += 1
        total += states_in[lowest]
    kept = np.flatnonzero(bars <= lowest)
    cheaper = int(np.searchsorted(states.cost[kept], 0.0))
    first = max(min(cheaper - STATE_LIMIT // 2, len(kept) - STATE_LIMIT), 0)
    kept = kept[first : first + STATE_LIMIT]
    return _States(states.cost[kept], states.gain[kept], states.parent[kept], states.change[kept])


@compiled
def _make_room(pool: _Pool, kept: int, more: int) -> _Pool:
    """The pool, or a larger one with the same states where it has no room for more."""
    if kept + more <= len(pool.parent):
        return pool
    size = SMALL_POOL if kept + more <= SMALL_POOL else POOL
    larger = _Pool(np.empty(size, np.int32), np.empty(size, np.int32), pool.begin, pool.half)
    for state in range(kept):
        larger.parent[state], larger.change[state] = pool.parent[state], pool.change[state]
    return larger


@compiled
def _store(states: _States, pool: _Pool, step: int, half: int) -> bool:
    """Remember how the states came about; whether any of them has changed the task."""
    begin, changed = pool.begin[step], False
    for state in range(len(states.cost)):
        pool.parent[begin + state], pool.change[begin + state] = states.parent[state], states.change[state]
        changed = changed or states.change[state] >= 0
    pool.begin[step + 1], pool.half[step] = begin + len(states.cost), half
    return changed


@compiled
def _join(one: _Half, other: _Half, terms: Terms) -> _Pair:
    """The pair of states that gains most within the room, with as many free steps as fit beside it."""
    if terms.period == np.inf:
        return _find_pair(one, other, terms.room)
    periods = np.floor(terms.room / terms.period)
    best = _Pair(-np.inf, 0, 0)
    for less in range(3):  # two costs below the period sum to less than two of them
        pair = _find_pair(one, other, terms.room - (periods - less) * terms.period)
        total = pair.gain + (periods - less) * terms.period_gain
        if total > best.gain:
            best = _Pair(total, pair.one, pair.other)
    return best


@compiled
def _find_pair(one: _Half, other: _Half, room: float) -> _Pair:
    best_gain, best_one, best_other = -np.inf, 0, 0
    state, dearest = 0, len(other.cost) - 1
    while state < len(one.cost) and dearest >= 0:
        fits = one.cost[state] + other.cost[dearest] <= room
        gain = one.gain[state] + other.gain[dearest]
        if fits & (gain > best_gain):
            best_gain, best_one, best_other = gain, state, dearest
        state += fits
        dearest -= not fits
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
