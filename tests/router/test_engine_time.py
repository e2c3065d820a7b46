"""Allocation in time, against every choice there is."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from router.allocate import allocate
from router.engine_time import EngineTime, TimedAllocation, allocate_in_time, bound_stretch
from router.errors import InfeasibleBudget

Cells = NDArray[np.float64]
ROUNDING = 1e-9


def make_time(
    *, engine_of: list[int], rate: list[float], seconds_left: float = 1.0, queued: list[float] | None = None
) -> EngineTime:
    return EngineTime(
        names=tuple(f"engine-{number}" for number in range(len(rate))),
        engine_of=np.array(engine_of, dtype=np.int64),
        rate=np.array(rate, dtype=np.float64),
        queued=np.array(queued or [0.0] * len(rate)),
        seconds_left=seconds_left,
    )


def stretch_of(cost: Cells, choice: tuple[int, ...], time: EngineTime) -> float:
    """By hand: the longest that any engine with work takes."""
    takes = [0.0]
    for engine in range(len(time.rate)):
        load = sum(cost[task, column] for task, column in enumerate(choice) if time.engine_of[column] == engine)
        if load > 0:
            takes.append((load + time.queued[engine]) / time.rate[engine] / time.seconds_left)
    return max(takes)


@st.composite
def make_nights(draw: st.DrawFn) -> tuple[Cells, Cells, float, EngineTime]:
    tasks, strategies, engines = draw(st.integers(1, 5)), draw(st.integers(1, 4)), draw(st.integers(1, 3))
    shape = (tasks, strategies)
    numbers = st.lists(st.integers(1, 40), min_size=tasks * strategies, max_size=tasks * strategies)
    accuracy = np.array(draw(numbers), dtype=np.float64).reshape(shape) / 64
    cost = np.array(draw(numbers), dtype=np.float64).reshape(shape)
    budget = float(np.ceil(cost.min(axis=1).sum() * draw(st.sampled_from([1.0, 1.3, 2.0, 8.0]))))
    time = make_time(
        engine_of=draw(st.lists(st.integers(0, engines - 1), min_size=strategies, max_size=strategies)),
        rate=draw(st.lists(st.sampled_from([1.0, 7.0, 31.0, math.inf]), min_size=engines, max_size=engines)),
        queued=draw(st.lists(st.sampled_from([0.0, 3.0, 50.0]), min_size=engines, max_size=engines)),
        seconds_left=draw(st.sampled_from([0.5, 2.0, 10.0])),
    )
    return accuracy, cost, budget, time


@settings(max_examples=200)
@given(make_nights())
def test_nothing_within_the_budget_is_better_in_time(
    night: tuple[Cells, Cells, float, EngineTime],
) -> None:
    accuracy, cost, budget, time = night
    found = allocate_in_time(accuracy, cost, budget, time)
    own = tuple(found.allocation.choice.tolist())
    each = range(len(cost))
    assert sum(cost[task, own[task]] for task in each) <= budget
    assert found.stretch == pytest.approx(stretch_of(cost, own, time))
    choices = [
        choice
        for choice in itertools.product(range(cost.shape[1]), repeat=len(cost))
        if sum(cost[task, choice[task]] for task in each) <= budget
    ]
    least = min(stretch_of(cost, choice, time) for choice in choices)
    assert bound_stretch(cost, time) <= least * (1 + ROUNDING)
    if least > 1.0:
        free = allocate(accuracy, cost, budget)
        assert found.stretch <= stretch_of(cost, tuple(free.choice.tolist()), time) * (1 + ROUNDING)
        return
    assert found.stretch <= 1.0 + ROUNDING
    best = max(
        sum(accuracy[task, choice[task]] for task in each)
        for choice in choices
        if stretch_of(cost, choice, time) <= 1.0
    )
    assert found.allocation.accuracy == pytest.approx(best)


def allocate_uniform(time: EngineTime, *, tasks: int = 100, budget: float = math.inf) -> TimedAllocation:
    """Two strategies: 10 for .5 on the first engine, 20 for .9 on the second."""
    accuracy, cost = np.tile([0.5, 0.9], (tasks, 1)), np.tile([10.0, 20.0], (tasks, 1))
    return allocate_in_time(accuracy, cost, budget, time)


def test_time_enough_changes_nothing_and_has_no_price() -> None:
    found = allocate_uniform(make_time(engine_of=[0, 1], rate=[100.0, 100.0], seconds_left=21.0))
    assert found.allocation.choice.tolist() == [1] * 100
    assert found.stretch == pytest.approx(20 / 21)
    assert found.second_price.tolist() == [0.0, 0.0]


def test_what_the_full_engine_can_not_do_in_time_goes_to_the_other_one() -> None:
    found = allocate_uniform(make_time(engine_of=[0, 1], rate=[100.0, 100.0], seconds_left=12.0))
    assert np.bincount(found.allocation.choice).tolist() == [40, 60]
    assert found.stretch == pytest.approx(1.0)
    # A second more of the second engine moves five tasks, for .4 each.
    assert found.second_price == pytest.approx([0.0, 2.0])


def test_what_is_queued_already_takes_its_time_first() -> None:
    time = make_time(engine_of=[0, 1], rate=[100.0, 100.0], seconds_left=12.0, queued=[0.0, 600.0])
    assert np.bincount(allocate_uniform(time).allocation.choice).tolist() == [70, 30]


def test_engines_are_late_alike_where_the_deadline_can_not_be_kept() -> None:
    found = allocate_uniform(make_time(engine_of=[0, 1], rate=[100.0, 100.0], seconds_left=1.0))
    load = found.time.add_up(np.tile([10.0, 20.0], (100, 1)), found.allocation.choice)
    assert load / 100 == pytest.approx(found.stretch, rel=0.05)
    assert found.stretch == pytest.approx(20 / 3, rel=0.05)


def test_the_least_stretch_is_known_closely() -> None:
    rng = np.random.default_rng(1)
    cost = rng.uniform(1.0, 20.0, (500, 4))
    time = make_time(engine_of=[0, 0, 1, 2], rate=[30.0, 20.0, 50.0], queued=[90.0, 0.0, 10.0], seconds_left=5.0)
    found = allocate_in_time(rng.uniform(0.0, 1.0, (500, 4)), cost, math.inf, time)
    assert bound_stretch(cost, time) <= found.stretch <= 1.03 * bound_stretch(cost, time)


def test_an_engine_of_unknown_speed_has_no_limit() -> None:
    found = allocate_uniform(make_time(engine_of=[0, 1], rate=[100.0, math.inf], seconds_left=0.1))
    assert found.allocation.choice.tolist() == [1] * 100
    assert found.stretch == 0.0


def test_the_budget_holds_before_the_deadline() -> None:
    # In time would be 60 on the second engine; there is money for 20.
    time = make_time(engine_of=[0, 1], rate=[20.0, 100.0], seconds_left=12.0)
    found = allocate_uniform(time, budget=1200.0)
    assert found.allocation.cost <= 1200.0
    assert found.stretch == pytest.approx(800 / 240, rel=0.03)
    with pytest.raises(InfeasibleBudget):
        allocate_uniform(time, budget=900.0)


def test_a_share_of_the_time_is_that_share_of_what_is_free() -> None:
    time = make_time(engine_of=[0, 1], rate=[100.0, 100.0], seconds_left=12.0, queued=[0.0, 600.0])
    assert np.bincount(allocate_uniform(time.share(0.1), tasks=10).allocation.choice).tolist() == [7, 3]


def test_without_a_limit_it_is_the_allocation_of_the_budget() -> None:
    accuracy, cost = np.random.default_rng(0).uniform(0.1, 1.0, (2, 200, 3))
    budget = float(cost.min(axis=1).sum() * 1.3)
    time = make_time(engine_of=[0, 1, 1], rate=[math.inf, math.inf])
    own = allocate_in_time(accuracy, cost, budget, time).allocation.choice
    assert own.tolist() == allocate(accuracy, cost, budget).choice.tolist()
