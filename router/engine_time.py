"""Allocation in time: no engine is given more than it can do before a deadline while another one could take it.

Work is counted in predicted cost: an engine's strategies share its model, so that cost and time go together, and how
much of it the engine does in a second can be measured. The limits become constraints of the allocation, whose
multipliers are what a second more of each engine would gain (the dispatch by load of RouteBalance, as prices).
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from router.allocate import allocate
from router.allocation import Allocation
from router.constrained.constraints import Constraints, Resource
from router.errors import InfeasibleBudget, InfeasibleConstraints

BOUND_STEPS = 100
ROOMS = (1.02, 1.1, 1.3, 2.0, 4.0)  # times the least stretch that any allocation takes, tried in turn


@dataclass(frozen=True, kw_only=True, eq=False)
class EngineTime:
    """What engines are at, and how long they have."""

    names: tuple[str, ...]  # of the engines
    engine_of: NDArray[np.int64]  # (strategies,) the engine of each
    rate: NDArray[np.float64]  # (engines,) predicted cost that each does in a second; infinite: not known, no limit
    queued: NDArray[np.float64]  # (engines,) predicted cost that each has to do first
    seconds_left: float  # until the deadline, above 0

    def find_limits(self, stretch: float) -> NDArray[np.float64]:
        """(engines,) the predicted cost that each has room for in `stretch` times the time left."""
        limits: NDArray[np.float64] = np.maximum(self.rate * self.seconds_left * stretch - self.queued, 0.0)
        return limits

    def with_free(self, name: str) -> "EngineTime":
        """The same with an engine more, which has nothing to do and no limit, for one strategy more."""
        return replace(
            self,
            names=(*self.names, name),
            engine_of=np.append(self.engine_of, len(self.names)),
            rate=np.append(self.rate, np.inf),
            queued=np.append(self.queued, 0.0),
        )

    def find_longest_queue(self) -> float:
        """Seconds until the last engine has done what it has to do first."""
        return float(np.max(self.queued / self.rate, initial=0.0))

    def add_up(self, cost: NDArray[np.float64], choice: NDArray[np.int64]) -> NDArray[np.float64]:
        """(engines,) the predicted cost of a choice: costs (tasks, strategies), choice (tasks,)."""
        load: NDArray[np.float64] = np.zeros(len(self.rate))
        np.add.at(load, self.engine_of[choice], cost[np.arange(len(choice)), choice])
        return load

    def share(self, part: float) -> "EngineTime":
        """The same for a part of the tasks, which may use that part of what is free."""
        return replace(self, rate=self.rate * part, queued=self.queued * part)

    def stretch_of(self, load: NDArray[np.float64]) -> float:
        """How many times the time left the slowest engine takes for its queue and this load."""
        takes = (load + self.queued) / (self.rate * self.seconds_left)
        return float(np.max(takes, where=load > 0, initial=0.0))


@dataclass(frozen=True, kw_only=True, eq=False)
class TimedAllocation:
    """An allocation, and what the deadline made of it."""

    allocation: Allocation
    time: EngineTime
    stretch: float  # times the time left: at most 1 where everything ends before the deadline
    second_price: NDArray[np.float64]  # (engines,) accuracy gained if this engine had a second more

    def to_json(self) -> dict[str, Any]:
        """What is kept with a window: the plan's time against the time left, and the price of each engine's second."""
        prices = dict(zip(self.time.names, self.second_price.tolist(), strict=True))
        return {"seconds_left": self.time.seconds_left, "stretch": self.stretch, "second_price": prices}


def allocate_in_time(accuracy: ArrayLike, cost: ArrayLike, budget: float, time: EngineTime) -> TimedAllocation:
    """The most accurate allocation within the budget that ends before the deadline; the soonest where none does.

    Arrays (tasks, strategies); every task needs one that is allowed. The budget always holds: InfeasibleBudget as
    `allocate` raises it. Where the deadline can not be kept, all engines are late alike: by 2 % more than
    any allocation is at least, whatever it costs, or as much more as the budget makes it.
    """
    costs = np.asarray(cost, dtype=np.float64)
    free = allocate(accuracy, costs, budget)
    stretch = time.stretch_of(time.add_up(costs, free.choice))
    if stretch > 1.0:
        least = max(1.0, bound_stretch(costs, time))
        for room in (1.0, *ROOMS) if least == 1.0 else ROOMS:
            if least * room < stretch and (found := _try(accuracy, costs, budget, time, stretch=least * room)):
                return found
    return TimedAllocation(allocation=free, time=time, stretch=stretch, second_price=np.zeros(len(time.rate)))


def bound_stretch(cost: NDArray[np.float64], time: EngineTime) -> float:
    """No allocation takes fewer times the time left, whatever it costs.

    The linear relaxation's dual: at any prices m of the engines' time, sum_i min_e m_e t_ie <= sum_e m_e max(stretch -
    w_e, 0), with t_ie the part of the time left that task i takes at least on engine e, and w_e what is queued there
    takes. The prices are found by multiplicative weights; any would give a bound.
    """
    used = np.unique(time.engine_of)
    if np.isinf(time.rate[used]).any():
        return 0.0
    capacity = time.rate[used] * time.seconds_left  # (engines,)
    takes = np.stack([_find_least_work(cost, time, engine) for engine in used.tolist()], axis=1) / capacity
    waits = time.queued[used] / capacity
    weights, each, best = np.ones(len(used)), np.arange(len(cost)), 0.0
    for step in range(1, BOUND_STEPS + 1):
        shares = weights / weights.sum()
        engine = np.argmin(takes * shares, axis=1)
        load = np.bincount(engine, weights=takes[each, engine], minlength=len(used))  # (engines,)
        best = max(best, _find_level(shares, waits, float(shares @ load)))
        load = np.where(load > 0, load + waits, 0.0)
        weights = weights * np.exp((load / load.max() - 0.5) / np.sqrt(step))
    return best


def _find_level(shares: NDArray[np.float64], waits: NDArray[np.float64], demand: float) -> float:
    """The level at which sum_e shares_e max(level - waits_e, 0) is the demand."""
    order = np.argsort(waits)
    weight, below = np.cumsum(shares[order]), np.cumsum((shares * waits)[order])
    levels = (demand + below) / weight  # were these first engines the ones in use
    return float(levels.min())


def _find_least_work(cost: NDArray[np.float64], time: EngineTime, engine: int) -> NDArray[np.float64]:
    """(tasks,) the least that each takes of this engine; infinite where none of its strategies is allowed."""
    own = cost[:, time.engine_of == engine]
    least: NDArray[np.float64] = np.where(np.isfinite(own), own, np.inf).min(axis=1)
    return least


def _try(
    accuracy: ArrayLike, cost: NDArray[np.float64], budget: float, time: EngineTime, *, stretch: float
) -> TimedAllocation | None:
    """An allocation that ends within so many times the time left; None where none is found."""
    limits = time.find_limits(stretch)
    limited = np.flatnonzero(np.isfinite(limits))
    resources = tuple(
        Resource(
            name=f"time of engine {time.names[engine]}",
            use=np.where(time.engine_of == engine, cost, 0.0),
            limit=float(limits[engine]),
        )
        for engine in limited.tolist()
    )
    try:
        found = allocate(accuracy, cost, budget, constraints=Constraints(resources=resources))
    except (InfeasibleConstraints, InfeasibleBudget):  # of the budget, where an engine without time is all it can pay
        return None
    price = np.zeros(len(time.rate))
    for engine, of_cost in zip(limited.tolist(), found.resource_price, strict=True):
        price[engine] = float(of_cost) * time.rate[engine]
    own_stretch = time.stretch_of(time.add_up(cost, found.choice))
    return TimedAllocation(allocation=found, time=time, stretch=own_stretch, second_price=price)
