"""The last step to the optimum: a dynamic programme over the few tasks that can still change."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from router.compiled import compiled
from router.core import Core
from router.fill import Changes
from router.hull import Numbers
from router.instance import Floats, Indices

STATE_LIMIT = 32_768  # states kept after each task; past it the nearest to the budget are kept and nothing is proven
WORK_LIMIT = 8_000_000  # states looked at in one closure, under a tenth of a second
POOL = 2_000_000  # states kept in all

# Of states: cost, gain, which state each was before the last task, and that task's alternative (-1: none).
States = tuple[Floats, Floats, Numbers, Numbers]
# Of all steps: the last two columns of the states kept, and where each step's begin.
Pool = tuple[Numbers, Numbers, Indices]


class Closure(NamedTuple):
    """The best changes found to a starting choice."""

    best: Changes
    missing: float  # no changes within the room gain more than this beyond the best ones; under the tolerance: proven


def close_gap(core: Core, *, room: float, price: float, incumbent: Changes, tolerance: float) -> Closure:
    """The best changes that cost at most `room`: the incumbent ones unless others gain more.

    A state is a set of changes to the tasks looked at so far, the others left as they are: a whole allocation. With
    price * room - loss as the bound on what a state can become, states that can not beat the best one found are
    dropped, and so are those both dearer and worse than another. Pisinger 1995, section 3.
    """
    first = np.flatnonzero(np.diff(core.task, prepend=-1, append=-2))  # (tasks + 1,)
    pool = np.empty(POOL, np.int32), np.empty(POOL, np.int32), np.zeros(len(first) + 1, np.int64)
    columns = first, core.extra_cost, core.gain, core.loss, core.more_alike
    steps, state, gain, complete = _search(*columns, room, price, core.excess, incumbent.gain, tolerance, pool)
    missing = price * room + core.excess - gain
    if (complete and core.complete) or missing <= tolerance:
        missing = 0.0
    if steps == 0:
        return Closure(incumbent, missing)
    made_of = _trace_back(pool, steps, state)
    return Closure(Changes(core.task[made_of], core.strategy[made_of], gain), missing)


@compiled
def _search(
    first: Indices,
    extra_cost: Floats,
    gain: Floats,
    loss: Floats,
    more_alike: NDArray[np.bool_],
    room: float,
    price: float,
    excess: float,
    best_gain: float,
    tolerance: float,
    pool: Pool,
) -> tuple[int, int, float, bool]:
    """Steps and state of the best allocation (no steps: none beats the one to beat), its gain, and if all was seen."""
    down, up = _find_reach(first, extra_cost, more_alike)
    states, spare = _make_states(2 * STATE_LIMIT), _make_states(2 * STATE_LIMIT)
    before = np.zeros(STATE_LIMIT), np.zeros(STATE_LIMIT)
    count, work, steps, best = 1, 0, 0, (0, -1)
    complete, changed = True, True
    for task in range(len(first) - 1):
        begin, end = first[task], first[task + 1]
        missing = price * room + excess - best_gain
        if missing <= tolerance or loss[begin:end].min() >= missing:
            break
        if not changed and _is_alike(first, extra_cost, gain, task):
            continue  # one more of the same adds nothing
        if work >= WORK_LIMIT or pool[2][steps] + STATE_LIMIT > POOL:
            complete = False
            break
        limits = (room, price, missing, down[task + 1], up[task + 1], tolerance / 1024)
        kept = _merge(states, 0, before, count, (0.0, 0.0, -1), limits, spare)
        states, spare = spare, states
        for step in range(begin, end):
            work += count + kept
            kept = _merge(states, kept, before, count, (extra_cost[step], gain[step], step), limits, spare)
            states, spare = spare, states
            if kept > STATE_LIMIT:
                complete, kept = False, _keep_nearest(states, kept, room, price)
        count, changed = kept, _store(states, kept, before, pool, steps)
        complete = complete and not (changed and more_alike[begin])
        steps += 1
        last = np.searchsorted(before[0][:count], room, side="right") - 1
        if last >= 0 and before[1][last] > best_gain:
            best_gain, best = before[1][last], (steps, last)
    return best[0], best[1], best_gain, complete


@compiled
def _make_states(size: int) -> States:
    return np.empty(size), np.empty(size), np.empty(size, np.int32), np.empty(size, np.int32)


@compiled
def _find_reach(first: Indices, extra_cost: Floats, more_alike: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """How far the tasks from each one on can lower and raise the cost."""
    down, up = np.zeros(len(first)), np.zeros(len(first))
    for task in range(len(first) - 2, -1, -1):
        steps = extra_cost[first[task] : first[task + 1]]
        down[task] = -np.inf if more_alike[first[task]] else down[task + 1] + min(steps.min(), 0.0)
        up[task] = np.inf if more_alike[first[task]] else up[task + 1] + max(steps.max(), 0.0)
    return down, up


@compiled
def _is_alike(first: Indices, extra_cost: Floats, gain: Floats, task: int) -> bool:
    """Whether a task has just the alternatives of the one before it."""
    here, before, count = first[task], first[task - 1], first[task + 1] - first[task]
    if here - before != count:
        return False
    for step in range(count):
        if extra_cost[here + step] != extra_cost[before + step] or gain[here + step] != gain[before + step]:
            return False
    return True


@compiled
def _merge(
    kept: States,
    kept_count: int,
    before: tuple[Floats, Floats],
    count: int,
    step: tuple[float, float, int],
    limits: tuple[float, float, float, float, float, float],
    out: States,
) -> int:
    """Both the states kept so far and those before the task with a step added, sorted by cost, without the useless.

    Gains that differ by less than the last limit are equal but for rounding; without it, sums in another order would
    count as new states.
    """
    room, price, missing, down, up, least_gain = limits
    extra_cost, gain, number = step
    one, other, found, best = 0, 0, 0, -np.inf
    while one < kept_count or other < count:
        cost = before[0][other] + extra_cost if other < count else np.inf
        worth = before[1][other] + gain if other < count else -np.inf
        if one < kept_count and (kept[0][one] < cost or (kept[0][one] == cost and kept[1][one] >= worth)):
            if kept[1][one] > best + least_gain:
                best = kept[1][one]
                out[0][found], out[1][found], out[2][found], out[3][found] = (
                    kept[0][one], best, kept[2][one], kept[3][one],
                )  # fmt: skip
                found += 1
            one += 1
            continue
        slack = missing - (price * cost - worth)
        reachable = cost + down <= room and price * (room - cost - up) <= slack
        if slack > 0 and reachable and worth > best + least_gain:
            best = worth
            out[0][found], out[1][found], out[2][found], out[3][found] = cost, best, other, number
            found += 1
        other += 1
    return found


@compiled
def _keep_nearest(states: States, count: int, room: float, price: float) -> int:
    """Cut the states down to the limit: those stay whose bound and distance from the budget promise most."""
    distance = np.empty(count)
    for state in range(count):
        cost, gain = states[0][state], states[1][state]
        distance[state] = price * abs(room - cost) + (price * cost - gain)
    threshold = np.partition(distance, STATE_LIMIT)[STATE_LIMIT]
    kept = 0
    for state in range(count):
        if distance[state] < threshold:
            states[0][kept], states[1][kept] = states[0][state], states[1][state]
            states[2][kept], states[3][kept] = states[2][state], states[3][state]
            kept += 1
    return kept


@compiled
def _store(states: States, count: int, before: tuple[Floats, Floats], pool: Pool, step: int) -> bool:
    """Keep the states for the next task and for tracing back; whether any of them has changed the task."""
    begin, changed = pool[2][step], False
    for state in range(count):
        before[0][state], before[1][state] = states[0][state], states[1][state]
        pool[0][begin + state], pool[1][begin + state] = states[2][state], states[3][state]
        changed = changed or states[3][state] >= 0
    pool[2][step + 1] = begin + count
    return changed


@compiled
def _trace_back(pool: Pool, steps: int, state: int) -> Indices:
    """The alternatives that make a state."""
    made_of, count = np.empty(steps, np.int64), 0
    for step in range(steps - 1, -1, -1):
        at = pool[2][step] + state
        if pool[1][at] >= 0:
            made_of[count] = pool[1][at]
            count += 1
        state = pool[0][at]
    return made_of[:count]
