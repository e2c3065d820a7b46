"""The dynamic programme alone, against every combination of changes."""

import itertools
import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from router.closure import Terms, close_gap
from router.core import Alternatives, Core

PRICE = 0.25

Alternative = tuple[int, int]  # extra cost, and loss in 64ths


def make_core(tasks: list[list[Alternative]]) -> Core:
    """Each task's alternatives, the task with the smallest loss first, as a core has them."""
    tasks = sorted(tasks, key=lambda listed: min(loss for _, loss in listed))
    rows = [(task, cost, loss / 64) for task, listed in enumerate(tasks) for cost, loss in listed]
    task, cost, loss = (np.array(column) for column in zip(*rows, strict=True))
    extra_cost = cost.astype(float)
    alternatives = Alternatives(task, np.arange(len(rows)), extra_cost, PRICE * extra_cost - loss, loss)
    return Core(alternatives, np.zeros(len(rows), np.bool_), 0.0, True)


def gain_most(core: Core, room: float, period: float) -> float:
    """By trying everything; free steps fill what room is left, or make room."""
    alternatives, best = core.alternatives, -math.inf
    by_task = [[-1, *np.flatnonzero(alternatives.task == task)] for task in np.unique(alternatives.task)]
    for combination in itertools.product(*by_task):
        changed = [one for one in combination if one >= 0]
        cost, gain = alternatives.extra_cost[changed].sum(), alternatives.gain[changed].sum()
        steps = math.floor((room - cost) / period) if math.isfinite(period) else 0
        if cost + (steps * period if steps else 0) <= room:
            best = max(best, float(gain) + (steps * period * PRICE if steps else 0))
    return best


@settings(max_examples=400)
@given(
    st.lists(
        st.lists(st.tuples(st.integers(-40, 40), st.integers(0, 60)), min_size=1, max_size=3), min_size=1, max_size=5
    ),
    st.integers(0, 30),
    st.sampled_from([math.inf, 31.0, 40.0]),
)
def test_nothing_gains_more(tasks: list[list[Alternative]], room: int, period: float) -> None:
    core = make_core(tasks)
    gain = 0.0 if math.isinf(period) else period * PRICE
    closure = close_gap(core, Terms(float(room), PRICE, 0.0, -1e-9, 1e-12, period=period, period_gain=gain))
    assert closure.missing == 0
    changed = np.zeros(0, np.int64) if closure.made_of is None else closure.made_of
    cost, reached = core.alternatives.extra_cost[changed].sum(), float(core.alternatives.gain[changed].sum())
    steps = math.floor((room - cost) / period) if math.isfinite(period) else 0
    assert len(np.unique(core.alternatives.task[changed])) == len(changed)
    assert cost + (steps * period if steps else 0) <= room
    assert reached + (steps * period * PRICE if steps else 0) == gain_most(core, float(room), period)
