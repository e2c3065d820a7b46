"""What a method's estimates buy: accuracy at budgets between all-cheapest and best-single, true costs charged."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from router import allocate
from router.baselines.outcomes import Estimates
from router.errors import InfeasibleBudget

Floats = NDArray[np.float64]

GRID_POINTS = 401
LEVELS = (0.0, 0.05, 0.10, 0.20, 0.35, 0.50, 0.75, 1.0)  # shares of the way from all-cheapest to best-single


@dataclass(frozen=True, kw_only=True, eq=False)
class Curve:
    """One method on one test set, level by level."""

    choice: NDArray[np.int64]  # (levels, tasks)
    correct: Floats  # (levels, tasks), of the chosen strategies
    budget: Floats  # (levels,)
    spend: Floats  # (levels,), true
    predicted_spend: Floats  # (levels,)

    @property
    def accuracy(self) -> Floats:
        """Mean correctness (levels,)."""
        return np.asarray(self.correct.mean(axis=1))

    @property
    def area_by_task(self) -> Floats:
        """Each task's share (tasks,) of the area under accuracy against true spend; their mean is the area."""
        return np.asarray(weigh_levels(self.spend, least=self.budget[0], most=self.budget[-1]) @ self.correct)


def weigh_levels(spend: Floats, *, least: float, most: float) -> Floats:
    """What each level (levels,) counts in the area over spends from least to most, scaled to 0..1; they sum to 1.

    Accuracy counts where it was paid for, not where it was budgeted, or else predicting too low costs would pay off.
    Between the levels' spends the curve is straight, outside of them flat.
    """
    order = np.argsort(spend, kind="stable")
    grid = np.linspace(least, most, GRID_POINTS)
    share = np.stack([np.interp(grid, spend[order], row) for row in np.eye(len(spend))])  # (levels, grid), by spend
    weights = np.empty(len(spend))
    weights[order] = np.trapezoid(share, dx=1 / (GRID_POINTS - 1))
    return weights


def set_budgets(truth: Estimates, *, cheapest: int, best: int) -> Floats:
    """The budget of every level (levels,): between what these two strategies cost on all test tasks.

    Where the cheapest is the best there is nothing between them, and budgets go up to the dearest strategy's cost.
    """
    totals = truth.cost.sum(axis=0)
    least, most = totals[cheapest], totals[best] if best != cheapest else totals.max()
    return np.asarray(least + np.array(LEVELS) * (most - least))


def trace_curve(estimates: Estimates, truth: Estimates, budgets: Floats) -> Curve:
    """Allocations on the estimates for every budget; where even the cheapest do not fit, the cheapest."""
    choice = np.stack([_allocate(estimates, budget) for budget in budgets])
    tasks = np.arange(choice.shape[1])
    return Curve(
        choice=choice,
        correct=truth.accuracy[tasks, choice],
        budget=budgets,
        spend=truth.cost[tasks, choice].sum(axis=1),
        predicted_spend=estimates.cost[tasks, choice].sum(axis=1),
    )


def cost_share_to_reach(accuracy: float, spend: Floats, reached: Floats, *, full_cost: float) -> float:
    """The least spend, as a share of `full_cost`, at which a curve (levels,) reaches an accuracy; NaN if it does not.

    Between two levels the curve is a straight line.
    """
    above = np.flatnonzero(reached >= accuracy)
    if len(above) == 0:
        return float("nan")
    level = int(above[0])
    if level == 0:
        return float(spend[0] / full_cost)
    part = (accuracy - reached[level - 1]) / (reached[level] - reached[level - 1])
    return float((spend[level - 1] + part * (spend[level] - spend[level - 1])) / full_cost)


def _allocate(estimates: Estimates, budget: float) -> NDArray[np.int64]:
    try:
        return allocate(*estimates, float(budget)).choice
    except InfeasibleBudget:
        allowed = np.where(np.isfinite(estimates.accuracy), estimates.cost, np.inf)
        return np.asarray(allowed.argmin(axis=1))
