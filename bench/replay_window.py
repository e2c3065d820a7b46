"""One window's strategies: the best within its budget, and what exploring makes of them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.replay_world import Cells
from router import allocate
from router.baselines.outcomes import Estimates
from router.errors import InfeasibleBudget
from router.exploration import Chosen, Exploration, Limits, plan_exploration
from router.outcome_need import find_need, find_points, find_share
from worker.exploration_pace import LEAST_SHARE

SHARE = 0.05  # of the money, which exploring may have: the product's default


class Routed(NamedTuple):
    """Strategies by task, and how they came about."""

    choice: NDArray[np.int64]  # (tasks,)
    best: NDArray[np.int64]  # (tasks,), before anything was drawn
    propensity: Cells  # (tasks, strategies)

    @property
    def chance(self) -> Cells:
        """That of what was chosen (tasks,)."""
        return np.asarray(self.propensity[np.arange(len(self.choice)), self.choice], dtype=np.float64)


class _Best(NamedTuple):
    choice: NDArray[np.int64]
    price: float


class _Planned(NamedTuple):
    exploration: Exploration
    enough: float  # of the money, to be set aside for it


def route_best(predicted: Estimates, budget: float) -> Routed:
    """The best that the budget buys; where not even the cheapest fit, the cheapest."""
    choice = _choose(predicted, budget).choice
    return Routed(choice, choice, np.eye(predicted.cost.shape[1])[choice])


def route_exploring(
    predicted: Estimates, budget: float, *, dearest: Cells, outcomes: NDArray[np.intp], seed: Sequence[int]
) -> Routed:
    """The best that nearly all of the budget buys, and draws of others for the rest; planned twice, as in jobs.

    `dearest` (strategies,) is what an answer costs at most, `outcomes` (strategies,) how many predictors learnt from.
    """
    need = find_need(outcomes)
    draft = _plan(predicted, budget, dearest=dearest, need=need, share=find_share(SHARE, need))
    if draft.exploration.is_certain:
        return route_best(predicted, budget)
    exploration = _plan(predicted, budget, dearest=dearest, need=need, share=draft.enough).exploration
    return Routed(exploration.draw(seed), exploration.choice, exploration.propensity.astype(np.float64))


def _plan(predicted: Estimates, budget: float, *, dearest: Cells, need: Cells, share: float) -> _Planned:
    best = _choose(predicted, (1 - share) * budget)
    chosen = Chosen(
        choice=best.choice,
        accuracy=predicted.accuracy,
        cost=predicted.cost,
        worst_cost=np.maximum(predicted.cost, dearest),
        price=best.price,
    )
    planned = chosen.find_cost()
    limits = Limits(money=share / (1 - share) * planned, accuracy=find_points(need) / 100 * len(best.choice))
    exploration = plan_exploration(chosen, limits=limits, need=need)
    used = exploration.worst_extra_cost
    return _Planned(exploration, min(share, max(LEAST_SHARE, used / (planned + used) if used else 0.0)))


def _choose(predicted: Estimates, budget: float) -> _Best:
    try:
        allocation = allocate(*predicted, budget)
    except InfeasibleBudget:
        return _Best(np.nanargmin(predicted.cost, axis=1), np.inf)
    return _Best(allocation.choice, allocation.shadow_price)
