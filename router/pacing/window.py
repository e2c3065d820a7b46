"""One window's allocation at the price of everything that shares its money."""

from dataclasses import dataclass

from numpy.typing import ArrayLike

from router.allocate import allocate
from router.allocation import Allocation
from router.pacing.price import Price, bound_accuracy, find_price, spend_at
from router.sketch import FrontierSketch, sketch_frontier


@dataclass(frozen=True, kw_only=True, eq=False)
class PacedWindow:
    """A window's strategies, and how far from the best the plan for it and the rest together can be."""

    allocation: Allocation  # of the window alone, the best within its allowance
    allowance: float
    price: Price  # of the window and the rest
    upper_bound: float  # no allocation of window and rest within the money is more accurate
    gap: float  # to the window's allocation and the frontier of the rest under the money it leaves


def pace_window(accuracy: ArrayLike, cost: ArrayLike, *, rest: FrontierSketch, money: float) -> PacedWindow:
    """Strategies for a window's arrays (tasks, strategies) when `rest` draws on the same money.

    The window may cost what it costs at the common price, and is allocated exactly within that: what it leaves over
    stays for the rest, and nothing drifts. The work is that of the window and the buckets, however large the rest is.
    InfeasibleBudget where the money does not even serve all at their cheapest.
    """
    own = sketch_frontier(accuracy, cost, rest.scale)
    whole = own + rest
    price = find_price(whole, money)
    allowance = max(spend_at(own, price), own.cost)
    allocation = allocate(accuracy, cost, allowance)
    upper_bound = bound_accuracy(whole, money, price)
    # With less than its cheapest total, which only rounding can leave it, the rest reaches its cheapest accuracy.
    planned = allocation.accuracy + rest.trace().accuracy_at(max(money - allocation.cost, rest.cost))
    return PacedWindow(
        allocation=allocation,
        allowance=allowance,
        price=price,
        upper_bound=upper_bound,
        gap=max(upper_bound - planned, 0.0),
    )
