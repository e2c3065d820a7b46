"""The product's ways to pace a budget. Each chooses a window's strategies as it comes."""

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bench.pacing_workloads import WORST_TIMES, Workload
from db.predictions import Predictions
from router import FrontierSketch, allocate, sketch_frontier
from router.errors import InfeasibleBudget
from router.pacing.arrivals import SketchOrigin, begin_arrivals
from router.pacing.horizon import Period, expect_arrivals, expect_volume
from router.pacing.scale import fit_scale
from router.units import Unit
from worker.job_backlog import Unrouted
from worker.objective import Mode, Objective
from worker.window_choice import Money, choose_at_price

Choice = NDArray[np.int64]

UNIT = Unit.TOKENS.value
EPOCHS = 200  # of a period
KEPT_PER_EPOCH = 0.8
EXPECTED_OFF = 0.9  # of the tasks that come: what a stream's budget is told to expect


class Policy(Protocol):
    """Something that chooses strategies window after window."""

    def choose(self, tasks: slice, money: Money) -> Choice:
        """The strategies of the next tasks, under the money as it stands."""
        ...


MakePolicy = Callable[[Workload], Policy]


class KnownBacklog:
    """The product's way with a bulk job: what is not routed yet as a sketch, each window at its price."""

    def __init__(self, workload: Workload) -> None:
        self._work = workload
        self._scale = fit_scale(workload.accuracy, workload.cost, unit=UNIT)
        self.rest = sketch_frontier(workload.accuracy, workload.cost, self._scale)

    def choose(self, tasks: slice, money: Money) -> Choice:
        """The window at the price of all that is left."""
        self.take_off(tasks)
        return pace(self._work, tasks, rest=self.rest, money=money)

    def take_off(self, tasks: slice) -> FrontierSketch:
        """The sketch of a window, which is then no part of the rest any more."""
        own = sketch_frontier(self._work.accuracy[tasks], self._work.cost[tasks], self._scale)
        self.rest -= own
        return own


class Stream:
    """The product's way with a stream: what arrived lately stands for what is still to come."""

    def __init__(self, workload: Workload) -> None:
        self._work = workload
        first = slice(len(workload.accuracy) // 500)
        scale = fit_scale(workload.accuracy[first], workload.cost[first], unit=UNIT)
        origin = SketchOrigin(predictor_version="1", scale=scale, kept_per_epoch=KEPT_PER_EPOCH)
        self._arrivals = begin_arrivals(origin, epoch=0)

    @property
    def epoch(self) -> int:
        """Of the last arrival."""
        return self._arrivals.epoch

    def choose(self, tasks: slice, money: Money) -> Choice:
        """The window at the price of itself and what is expected."""
        rest = self.expect_rest(tasks)
        return pace(self._work, tasks, rest=rest, money=money)

    def expect_rest(self, tasks: slice) -> FrontierSketch:
        """What is expected behind a window that has just arrived."""
        now = float(self._work.arrival[tasks.stop - 1])
        own = sketch_frontier(self._work.accuracy[tasks], self._work.cost[tasks], self._arrivals.origin.scale)
        self._arrivals = self._arrivals.at_epoch(int(now * EPOCHS)).add(own)
        return self._arrivals.expect(self.count_rest(now, arrived=tasks.stop))

    def count_rest(self, now: float, *, arrived: int) -> float:
        """How many tasks are expected in the rest of the period."""
        ends = np.arange(1, int(now * EPOCHS) + 1) / EPOCHS
        past = np.diff(np.searchsorted(self._work.arrival[:arrived], ends), prepend=0)
        period = Period(length=1.0, elapsed=now, stretch=1 / EPOCHS, expected=EXPECTED_OFF * len(self._work.arrival))
        return expect_arrivals(period, arrived=arrived, past=past)


class StatedStream(Stream):
    """The same where the number of tasks was said beforehand, rightly."""

    def count_rest(self, now: float, *, arrived: int) -> float:
        """What is missing of the number."""
        return expect_volume(len(self._work.arrival), arrived=arrived)


def pace(work: Workload, tasks: slice, *, rest: FrontierSketch, money: Money) -> Choice:
    """The window's strategies as the product chooses them."""
    accuracy, cost = work.accuracy[tasks], work.cost[tasks]
    window = Predictions(
        accuracy=accuracy, cost=cost, worst_cost=WORST_TIMES * cost, prompt_tokens=np.zeros(cost.shape, np.int32)
    )
    objective = Objective(mode=Mode.BUDGET, unit=Unit.TOKENS, stated=UNIT, cap=work.cap)
    return choose_at_price(window, rest=Unrouted(sketch=rest, margin=0.0), objective=objective, money=money).choice


def allocate_within(work: Workload, tasks: slice, money: float) -> Choice:
    """The exact allocation, the cheapest strategies where the money is not enough for those."""
    try:
        return allocate(work.accuracy[tasks], work.cost[tasks], max(money, 0.0)).choice
    except InfeasibleBudget:
        return np.asarray(work.cost[tasks].argmin(axis=1))
