"""Constraints beside the budget: accuracies to reach, what strategies can serve, tenants with budgets of their own."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from router.allocation import Allocation


@dataclass(frozen=True, kw_only=True, eq=False)
class Resource:
    """Something besides the budget that tasks use up, such as GPU-seconds."""

    name: str  # as messages call it
    use: ArrayLike  # (tasks, strategies), or (strategies,) where all tasks use the same; NaN or infinite: not allowed
    limit: ArrayLike  # one number for all strategies together, or (strategies,) one for each; infinite: no limit


@dataclass(frozen=True, kw_only=True, eq=False)
class Tenants:
    """Who the tasks belong to. Each tenant has a budget of its own, and all of them together have the budget."""

    tenant: ArrayLike  # (tasks,) whole numbers from 0
    budget: ArrayLike  # (tenants,) in the unit of the costs; infinite: no limit


@dataclass(frozen=True, kw_only=True, eq=False)
class Constraints:
    """What an allocation has to respect besides the budget. Everything is optional."""

    minimum_accuracy: ArrayLike | None = None  # a number or (tasks,): strategies predicted below it are not allowed
    capacity: ArrayLike | None = None  # (strategies,) the most tasks each can serve; infinite: no limit
    resources: tuple[Resource, ...] = ()
    tenants: Tenants | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class ConstrainedAllocation(Allocation):
    """An allocation within several constraints, with the accuracy that one more unit of each would gain.

    The prices are those of the upper bound: upper_bound = sum_i max_j (w_i a_ij - price of all that j uses up) +
    price of all that is there.
    """

    capacity_price: NDArray[np.float64]  # (strategies,)
    resource_price: tuple[NDArray[np.float64], ...]  # in the shape of each resource's limit
    tenant_price: NDArray[np.float64]  # (tenants,)
