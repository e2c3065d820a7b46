"""Exploration: some tasks get another strategy than their best one, by chances that are fixed and written down first.

Who only ever sees what the optimiser chose never learns that it was wrong. The chances say how each outcome came about,
so that outcomes can be weighted by them (inverse propensity), and nothing that happens to a task later changes them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from router.allocation import DEFERRED

MOST_EXPLORED = 0.5  # of one task's chance: its best strategy keeps the rest
LEAST_DOUBT = 0.05  # a prediction of 0 or 1 is still doubted like one of so much
FREE_BURDEN = 0.03  # of the mean burden: what explores for nothing counts as this much
ROUNDED = 1e-6  # chances are float32, whose sums stay within the limits for being this much smaller

Cells = NDArray[np.float64]  # (tasks, strategies)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What exploring a window may cost, in the mean over its draws. Nothing is explored where either is 0."""

    money: float  # quanta by which explored tasks at their worst pass what was planned for them; infinite: no limit
    accuracy: float  # right answers given up, as predicted
    dearest: float = math.inf  # quanta by which no single task may pass it, in any draw


@dataclass(frozen=True, kw_only=True, eq=False)
class Chosen:
    """A window's best choice and what it was chosen by; arrays (tasks, strategies), NaN in `cost` = not allowed."""

    choice: NDArray[np.int64]  # (tasks,) column of the strategy, DEFERRED for none
    accuracy: Cells
    cost: Cells  # quanta
    worst_cost: Cells  # quanta
    price: float  # right answers that a quantum buys elsewhere: what exploring spends is lost to other tasks

    def find_others(self) -> NDArray[np.bool_]:
        """The cells that could be tried instead: allowed, and not chosen."""
        others: NDArray[np.bool_] = ~np.isnan(self.cost) & (self.choice != DEFERRED)[:, None]
        others[np.arange(len(others)), self.choice] = False
        return others

    def find_cost(self) -> float:
        """Quanta that the choice is predicted to cost."""
        served = self.choice != DEFERRED
        return float(self._of_choice(self.cost)[served].sum())

    def find_losses(self) -> Cells:
        """Right answers that each cell gives up, by its own accuracy and by the money that others would have had."""
        worth = self.accuracy - self.price * self.cost
        losses: Cells = np.maximum(self._of_choice(worth) - worth, 0.0)  # below 0 only by rounding, or short of time
        return losses

    def find_extra_costs(self) -> Cells:
        """Quanta by which each cell is predicted to pass the chosen one; below 0 where it is cheaper."""
        extra: Cells = self.cost - self._of_choice(self.cost)
        return extra

    def find_worst_extra_costs(self) -> Cells:
        """Quanta by which each cell can pass what the plan has for its task."""
        extra: Cells = np.maximum(self.worst_cost - self._of_choice(self.cost), 0.0)
        return extra

    def _of_choice(self, cells: Cells) -> Cells:
        own: Cells = cells[np.arange(len(cells)), self.choice][:, None]
        return own


@dataclass(frozen=True, kw_only=True, eq=False)
class Exploration:
    """The chances of a window's tasks, and what they cost in the mean over the draws."""

    choice: NDArray[np.int64]  # (tasks,) what the optimiser chose
    propensity: NDArray[np.float32]  # (tasks, strategies) a row sums to 1, or to 0 where nothing was chosen
    accuracy_given_up: float  # right answers
    extra_cost: float  # quanta, as predicted
    worst_extra_cost: float  # quanta, with each explored task at its worst
    worst_deviation: float  # quanta, the standard deviation of that over the draws

    @property
    def is_certain(self) -> bool:
        """Whether every task gets its best strategy for sure."""
        return not self._find_other_chances().any()

    def draw(self, seed: int | Sequence[int]) -> NDArray[np.int64]:
        """(tasks,) one strategy for each, independently of each other; the same for the same seed."""
        ends = self._find_other_chances().cumsum(axis=1)
        lot = np.random.default_rng(seed).random((len(ends), 1))
        drawn: NDArray[np.int64] = np.where((lot < ends).any(axis=1), (lot < ends).argmax(axis=1), self.choice)
        return drawn

    def _find_other_chances(self) -> Cells:
        chances = self.propensity.astype(np.float64)
        chances[np.arange(len(chances)), self.choice] = 0.0
        return chances


def plan_exploration(
    chosen: Chosen, *, limits: Limits, need: NDArray[np.float64], doubt: Cells | None = None
) -> Exploration:
    """The chances that teach most within the limits.

    `need` (strategies,) says how much each strategy has still to teach (`find_need`), `doubt` (tasks, strategies) how
    unsure each prediction of accuracy is, as a variance: that of the answer itself unless it is known better.

    What is estimated from draws of chance p has a variance that falls like 1 / p, and a draw costs its burden, the
    parts of both limits that it uses up. The least sum of value need^2 doubt / p within a sum of p burden is at
    p ~ need sqrt(value doubt / burden) (Neyman 1934), as far as a task's chances are not bounded. An estimate is of
    value where it can turn a choice, which is where the burden is small: the value is taken to be 1 / burden. Were all
    estimates of the same value, as many right answers would buy half as many draws, of which most decide nothing
    (docs/log.md).
    """
    nothing = np.zeros(chosen.cost.shape)
    if not (limits.money > 0 and limits.accuracy > 0 and np.isfinite(chosen.price)):
        return _sum_up(chosen, chances=nothing.astype(np.float32), losses=nothing, worst=nothing)
    worst = chosen.find_worst_extra_costs()
    others = chosen.find_others() & (worst <= limits.dearest)
    losses, worst = (np.where(others, cells, 0.0) for cells in (chosen.find_losses(), worst))
    if doubt is None:
        sure = np.clip(chosen.accuracy, LEAST_DOUBT, 1 - LEAST_DOUBT)
        doubt = sure * (1 - sure)
    weight = _weigh(others, losses=losses, worst=worst, limits=limits) * need * np.sqrt(doubt)
    weight = np.where(others, weight, 0.0)
    use = [(weight * losses).sum(axis=1), (weight * worst).sum(axis=1)]
    factor = _find_factors(weight.sum(axis=1), use=use, limits=[limits.accuracy, limits.money])
    chances = (weight * factor[:, None]).astype(np.float32)
    return _sum_up(chosen, chances=chances, losses=losses, worst=worst)


def _weigh(others: NDArray[np.bool_], *, losses: Cells, worst: Cells, limits: Limits) -> Cells:
    """1 / burden, of a burden that is nowhere next to nothing."""
    if not others.any():
        return np.zeros(others.shape)
    burden = losses / limits.accuracy + worst / limits.money
    least = FREE_BURDEN * float(burden[others].mean())
    weight: Cells = 1 / np.maximum(burden, least) if least > 0 else np.ones(others.shape)
    return weight


def _find_factors(
    weight: NDArray[np.float64], *, use: Sequence[NDArray[np.float64]], limits: Sequence[float]
) -> NDArray[np.float64]:
    """(tasks,) by how much each task's weights are multiplied: alike, but where that would explore it too much."""
    most = np.divide(MOST_EXPLORED, weight, out=np.zeros(len(weight)), where=weight > 0)
    factor = min(_find_factor(most, own, limit * (1 - ROUNDED)) for own, limit in zip(use, limits, strict=True))
    factors: NDArray[np.float64] = np.minimum(most, factor)
    return factors


def _find_factor(most: NDArray[np.float64], use: NDArray[np.float64], limit: float) -> float:
    """The largest f with sum min(f, most) * use <= limit; infinite where even the most keeps within it."""
    order = np.argsort(most)
    most, use = most[order], use[order]
    bounded = (most * use).cumsum()  # used by the tasks up to each, all at their most
    beyond = use.sum() - use.cumsum()  # used for each unit of the factor by those after it
    ends = bounded + most * beyond
    first = int(np.searchsorted(ends, limit, side="right"))
    if first == len(ends):
        return np.inf
    slope = beyond[first] + use[first]
    return float((limit - bounded[first] + most[first] * use[first]) / slope)


def _sum_up(chosen: Chosen, *, chances: NDArray[np.float32], losses: Cells, worst: Cells) -> Exploration:
    exact = chances.astype(np.float64)
    mean = (exact * worst).sum(axis=1)
    propensity, served = chances.copy(), chosen.choice != DEFERRED
    propensity[served, chosen.choice[served]] = (1 - exact.sum(axis=1)[served]).astype(np.float32)
    return Exploration(
        choice=chosen.choice,
        propensity=propensity,
        accuracy_given_up=float((exact * losses).sum()),
        extra_cost=float((exact * np.where(exact > 0, chosen.find_extra_costs(), 0.0)).sum()),
        worst_extra_cost=float(mean.sum()),
        worst_deviation=float(np.sqrt(((exact * worst**2).sum(axis=1) - mean**2).sum())),
    )
