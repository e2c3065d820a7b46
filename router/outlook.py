"""What budgets can buy from tasks that are predicted, each with an interval that says how sure that is.

The frontier at a budget is, by duality, the least over prices of `price * budget + mean value at that price`. So a
bootstrap over tasks needs no new frontier for a draw: only new means of what each task is worth at a few prices.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from router.frontier import Frontier, frontier

Floats = NDArray[np.float64]

POINTS = 41  # budgets at which the curve is told
DRAWS = 200
CONFIDENCE = 0.95
ROWS_AT_ONCE = 10_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Outlook:
    """The curve at some budgets, from the cheapest allocation to the most accurate one."""

    curve: Frontier  # totals over the tasks, exact for the predictions
    answers: int  # what the totals are over
    cost: Floats  # (points,) ascending
    accuracy: Floats  # (points,) mean
    low: Floats  # (points,) between here
    high: Floats  # (points,) and here lies the mean accuracy that will be seen, with CONFIDENCE
    shares: Floats  # (points, strategies) of the answers


class _AtPrices(NamedTuple):
    """What tasks are given at each price."""

    accuracy: Floats  # (tasks, prices)
    cost: Floats  # (tasks, prices)
    shares: Floats  # (prices, strategies)


def look_ahead(
    accuracy: NDArray[np.floating],
    cost: NDArray[np.floating],
    *,
    weight: NDArray[np.integer],
    doubt: Floats,
    seed: int = 0,
) -> Outlook:
    """The outlook for arrays (tasks, strategies), NaN = not allowed; each task stands for `weight` (tasks,) answers.

    `doubt` (strategies,) is the standard error of each strategy's mean predicted accuracy. The interval has three
    parts: which tasks come (a bootstrap over these), how they turn out, and how far predictions are off.
    """
    curve = frontier(accuracy, cost, weight=weight)
    answers = int(weight.sum())
    budgets = np.linspace(curve.cost[0], curve.cost[-1], POINTS if curve.cost[-1] > curve.cost[0] else 1)
    prices = np.array([curve.price_at(budget) for budget in budgets])
    given = _give_at_prices(accuracy, cost, prices=prices, weight=weight)
    means = np.array([curve.accuracy_at(budget) for budget in budgets]) / answers
    rng = np.random.default_rng(seed)
    drawn = _draw_curves(given, prices=prices, budgets=budgets / answers, weight=weight, rng=rng)  # (draws, points)
    drawn += rng.normal(size=(DRAWS, 1)) * np.sqrt(_mean_spread(given.accuracy, weight) / answers)
    drawn += rng.normal(size=(DRAWS, len(doubt))) * doubt @ given.shares.T
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(drawn, (tail, 1 - tail), axis=0)
    return Outlook(
        curve=curve,
        answers=answers,
        cost=budgets,
        accuracy=means,
        low=np.clip(np.minimum(low, means), 0, 1),
        high=np.clip(np.maximum(high, means), 0, 1),
        shares=given.shares,
    )


def find_knee(outlook: Outlook) -> float:
    """The budget beyond which more money buys less than it did on the average: farthest above the line of both ends."""
    rise = np.ptp(outlook.accuracy) or 1.0
    run = np.ptp(outlook.cost) or 1.0
    above = (outlook.accuracy - outlook.accuracy[0]) / rise - (outlook.cost - outlook.cost[0]) / run
    return float(outlook.cost[int(np.argmax(above))])


def _give_at_prices(
    accuracy: NDArray[np.floating],
    cost: NDArray[np.floating],
    *,
    prices: Floats,
    weight: NDArray[np.integer],
) -> _AtPrices:
    chosen_accuracy, chosen_cost = (np.empty((len(cost), len(prices))) for _ in range(2))
    shares = np.zeros((len(prices), cost.shape[1]))
    dear = np.where(np.isnan(cost), np.inf, cost)
    gain = np.where(np.isnan(cost), -np.inf, accuracy) * weight[:, None]
    rows = np.arange(len(cost))
    for column, price in enumerate(prices):
        choice = np.argmax(gain - price * np.where(np.isinf(dear), 0.0, dear), axis=1)  # (tasks,)
        chosen_accuracy[:, column] = accuracy[rows, choice]
        chosen_cost[:, column] = cost[rows, choice]
        shares[column] = np.bincount(choice, weights=weight, minlength=cost.shape[1]) / weight.sum()
    return _AtPrices(chosen_accuracy, chosen_cost, shares)


def _draw_curves(
    given: _AtPrices,
    *,
    prices: Floats,
    budgets: Floats,
    weight: NDArray[np.integer],
    rng: np.random.Generator,
) -> Floats:
    """(draws, points): the mean accuracy at each budget an answer, of tasks drawn anew (Poisson bootstrap)."""
    right, paid = np.zeros((DRAWS, len(prices))), np.zeros((DRAWS, len(prices)))
    answers = np.zeros((DRAWS, 1))
    for start in range(0, len(weight), ROWS_AT_ONCE):
        part = slice(start, start + ROWS_AT_ONCE)
        times = rng.poisson(1.0, size=(DRAWS, len(weight[part]))).astype(np.float64)  # (draws, tasks)
        right += (times * weight[part]) @ given.accuracy[part]
        paid += times @ given.cost[part]
        answers += (times @ weight[part].astype(np.float64))[:, None]
    right, paid = right / np.maximum(answers, 1), paid / np.maximum(answers, 1)
    value = right - prices * paid  # (draws, prices)
    best = np.min(value[:, None, :] + prices * budgets[:, None], axis=2)  # (draws, points)
    # Where the tasks drawn can not be had for so little, they get what is cheapest all the same.
    reached: Floats = np.maximum(best, right[:, :1])
    return reached


def _mean_spread(accuracy: Floats, weight: NDArray[np.integer]) -> Floats:
    """(points,): the variance of one answer's being right, given its prediction."""
    spread: Floats = weight @ (accuracy * (1 - accuracy)) / weight.sum()
    return spread
