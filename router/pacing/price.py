"""The price at which everything that a sketch sums up spends a given amount, and what others spend at it."""

from dataclasses import dataclass

import numpy as np

from router.errors import InfeasibleBudget
from router.sketch import BUCKETS, FrontierSketch


@dataclass(frozen=True, kw_only=True)
class Price:
    """Which upgrades are paid for: all in the steeper buckets, and a share of one bucket's extra cost.

    Spending at a price adds up: the parts of a whole spend what the whole does.
    """

    bucket: int  # BUCKETS where all upgrades are paid for
    share: float  # 0 to 1
    value: float  # accuracy per quantum, in the mean over the bucket


def find_price(sketch: FrontierSketch, money: float) -> Price:
    """The price at which the sketch's tasks spend the money; InfeasibleBudget below their cheapest total."""
    if not money >= sketch.cost:
        raise InfeasibleBudget(budget=money, smallest_feasible=sketch.cost)
    ends = sketch.cost + sketch.extra_cost.cumsum()
    bucket = int(np.searchsorted(ends, money, side="right"))
    if bucket == BUCKETS:
        return Price(bucket=BUCKETS, share=0.0, value=0.0)
    width = float(sketch.extra_cost[bucket])
    share = min(max(1.0 - (float(ends[bucket]) - money) / width, 0.0), 1.0)
    return Price(bucket=bucket, share=share, value=float(sketch.gain[bucket]) / width)


def spend_at(sketch: FrontierSketch, price: Price) -> float:
    """What the sketch's tasks cost at a price."""
    part = price.share * float(sketch.extra_cost[price.bucket]) if price.share else 0.0
    return sketch.cost + float(sketch.extra_cost[: price.bucket].sum()) + part


def bound_accuracy(sketch: FrontierSketch, money: float, price: Price) -> float:
    """An upper bound on the accuracy that the sketch's tasks reach with the money, whatever is chosen for each.

    The dual of the allocation, sum_i max_j (a_ij - lambda c_ij) + lambda * money, holds at every lambda. At the edge of
    a bucket the sketch knows it exactly; the lower of those at the price's two edges is taken.
    """
    edges = sketch.scale.edges()
    bounds = [float(sketch.gain.sum())]  # at lambda = 0
    for edge in range(max(price.bucket - 1, 0), min(price.bucket + 1, BUCKETS - 1)):
        spent = sketch.cost + float(sketch.extra_cost[: edge + 1].sum())
        bounds.append(float(sketch.gain[: edge + 1].sum() + edges[edge] * (money - spent)))
    return sketch.accuracy + min(bounds)
