"""A frontier in a fixed number of price buckets, which adds up over routers that never see each other's tasks."""

import dataclasses
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from router.errors import InvalidAllocationInput
from router.frontier import Frontier

BUCKETS = 4096

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class PriceScale:
    """Prices that buckets lie between, evenly in the logarithm: accuracy per quantum of one unit."""

    unit: str
    lowest: float
    highest: float

    def __post_init__(self) -> None:
        if not 0 < self.lowest < self.highest < np.inf:
            raise InvalidAllocationInput(
                f"the prices {self.lowest} and {self.highest} are no scale: the lowest is above 0 and below the highest"
            )

    @property
    def ratio(self) -> float:
        """How many times dearer than its lower edge a bucket's upper edge is."""
        return float((self.highest / self.lowest) ** (1 / (BUCKETS - 2)))

    def edges(self) -> Floats:
        """Prices between neighbouring buckets, descending (buckets - 1,); beyond both ends lies a bucket each."""
        return np.geomspace(self.highest, self.lowest, BUCKETS - 1)


@dataclass(frozen=True, kw_only=True, eq=False)
class FrontierSketch:
    """What a router's tasks cost at least, and what upgrades of each price would add.

    Sums of sketches are sketches of all their tasks together; a router's contribution can be taken away again.
    """

    scale: PriceScale
    tasks: float  # a whole number, unless the sketch was scaled
    cost: float  # of the cheapest strategies
    accuracy: float  # of the cheapest strategies
    upgrades: Floats  # (buckets,) how many fall in each bucket, the steepest first
    extra_cost: Floats  # (buckets,) of all of them
    gain: Floats  # (buckets,)

    def __add__(self, other: Self) -> Self:
        return self._combine(other, 1)

    def __sub__(self, other: Self) -> Self:
        return self._combine(other, -1)

    def __mul__(self, factor: float) -> Self:
        """The sketch of so many times the tasks, all in the same proportions."""
        names = ("tasks", "cost", "accuracy", "upgrades", "extra_cost", "gain")
        return dataclasses.replace(self, **{name: factor * getattr(self, name) for name in names})

    def trace(self) -> Frontier:
        """The frontier as far as the buckets tell: exact at each breakpoint, below the true one between two."""
        filled = np.flatnonzero((self.extra_cost > 0) & (self.gain > 0))
        extra_cost, gain = self.extra_cost[filled], self.gain[filled]
        return Frontier(
            cost=self.cost + np.append(0.0, extra_cost.cumsum()),
            accuracy=self.accuracy + np.append(0.0, gain.cumsum()),
            price=np.minimum.accumulate(gain / extra_cost),
        )

    def error_at(self, budget: float) -> float:
        """The most by which the traced accuracy for a budget is too low, rounding apart.

        Between the ends of a bucket with prices p to p * ratio, and x quanta wide, a concave curve rises above its
        chord by at most (ratio - 1) * p * x / 4; beyond the scale's ends all that is known is the bucket's gain.
        """
        ends = self.cost + self.extra_cost.cumsum()
        bucket = int(np.searchsorted(ends, budget, side="left"))
        if bucket >= BUCKETS or budget <= self.cost:
            return 0.0
        if bucket in (0, BUCKETS - 1):
            return float(self.gain[bucket])
        lower_edge = self.scale.edges()[bucket]
        return float((self.scale.ratio - 1) * lower_edge * self.extra_cost[bucket] / 4)

    def _combine(self, other: Self, sign: int) -> Self:
        if self.scale != other.scale:
            raise InvalidAllocationInput(
                f"a sketch on {self.scale} and one on {other.scale} do not add up: make both on one scale"
            )
        tasks, upgrades = self.tasks + sign * other.tasks, self.upgrades + sign * other.upgrades
        if tasks < 0 or (upgrades < 0).any():
            raise InvalidAllocationInput(
                f"a sketch of {other.tasks:g} tasks can not be taken from one of {self.tasks:g} tasks that they do not "
                "belong to: take each away once"
            )
        # What rounding leaves where nothing is counted any more is nothing.
        extra_cost, gain = (
            np.where(upgrades > 0, np.maximum(one + sign * another, 0.0), 0.0)
            for one, another in ((self.extra_cost, other.extra_cost), (self.gain, other.gain))
        )
        return dataclasses.replace(
            self,
            tasks=tasks,
            cost=max(self.cost + sign * other.cost, 0.0) if tasks else 0.0,
            accuracy=self.accuracy + sign * other.accuracy if tasks else 0.0,
            upgrades=upgrades,
            extra_cost=extra_cost,
            gain=gain,
        )


def sketch_frontier(
    accuracy: ArrayLike, cost: ArrayLike, scale: PriceScale, *, weight: ArrayLike | None = None
) -> FrontierSketch:
    """The sketch for arrays (tasks, strategies); NaN or infinite cells are not allowed."""
    from router.buckets import sum_buckets
    from router.cell_check import check_instance
    from router.choose import choose_best
    from router.totals import largest_sum

    instance = check_instance(accuracy, cost, weight)
    cheapest = choose_best(instance, worth=0.0, price=1.0)
    sums = sum_buckets(instance, cheapest.strategy, scale.edges())
    return FrontierSketch(
        scale=scale,
        tasks=len(instance),
        cost=largest_sum(cheapest.cost),
        accuracy=float(cheapest.value.sum()),
        upgrades=sums.upgrades,
        extra_cost=sums.extra_cost,
        gain=sums.gain,
    )


def empty_sketch(scale: PriceScale) -> FrontierSketch:
    """The sketch of no tasks."""
    nothing = np.zeros(BUCKETS)
    return FrontierSketch(
        scale=scale, tasks=0, cost=0.0, accuracy=0.0, upgrades=nothing, extra_cost=nothing, gain=nothing
    )
