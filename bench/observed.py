"""What every strategy did with every task, and what could be made of it: the yardsticks of a router."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from router import allocate
from router.baselines.random_mixture import find_best_mixture
from router.baselines.single_strategy import StrategyTotals, find_best_single, sum_by_strategy
from router.units import Unit
from worker.recording import Recording

Cells = NDArray[np.float64]


class Yardstick(NamedTuple):
    """What something other than the router reaches within a budget."""

    name: str
    correct: float  # tasks answered right
    cost: float  # quanta


@dataclass(frozen=True, kw_only=True, eq=False)
class Observed:
    """Actual grades and costs; NaN where a strategy can not serve a task."""

    strategies: Sequence[str]
    unit: Unit
    accuracy: Cells  # (tasks, strategies)
    cost: Cells  # (tasks, strategies), quanta

    @property
    def totals(self) -> StrategyTotals:
        """What each strategy reaches and costs alone; what it can not serve is not answered, and free."""
        return sum_by_strategy(self.accuracy, self.cost)

    @property
    def cheapest_total(self) -> float:
        """Every task by its cheapest strategy, in quanta."""
        return float(np.nanmin(self.cost, axis=1).sum())

    @property
    def best_single(self) -> Yardstick:
        """The most accurate strategy, whatever it costs."""
        return self._single(find_best_single(self.totals, np.inf))

    @property
    def dearest_single(self) -> Yardstick:
        """The strategy that costs most."""
        return self._single(int(np.argmax(self.totals.cost)))

    def best_single_within(self, budget: float) -> Yardstick:
        """The most accurate strategy that fits the budget."""
        return self._single(find_best_single(self.totals, budget))

    def best_mixture_within(self, budget: float) -> Yardstick:
        """The best draw between two strategies that spends the budget in expectation."""
        mixture = find_best_mixture(self.totals, budget)
        if mixture is None:
            return _NOTHING
        first, second = self.strategies[mixture.first], self.strategies[mixture.second]
        share = round(100 * mixture.second_share)
        name = first if mixture.first == mixture.second else f"{100 - share}% {first}, {share}% {second}"
        return Yardstick(name, mixture.accuracy, mixture.cost)

    def oracle_within(self, budget: float) -> Yardstick:
        """The best that anyone could do who knew every grade and cost beforehand."""
        best = allocate(self.accuracy, self.cost, budget)
        return Yardstick("oracle", best.accuracy, best.cost)

    def _single(self, column: int | None) -> Yardstick:
        if column is None:
            return _NOTHING
        totals = self.totals
        return Yardstick(self.strategies[column], float(totals.accuracy[column]), float(totals.cost[column]))


_NOTHING = Yardstick("none fits", 0.0, 0.0)


def tabulate(recording: Recording, *, custom_ids: Sequence[str]) -> Observed:
    """The outcomes of these tasks as arrays, tasks in this order."""
    strategies = list(recording.strategy_hashes)
    row_of = {custom_id: row for row, custom_id in enumerate(custom_ids)}
    column_of = {strategy: column for column, strategy in enumerate(strategies)}
    accuracy = np.full((len(custom_ids), len(strategies)), np.nan)
    cost = np.full_like(accuracy, np.nan)
    for outcome in recording.outcomes:
        if outcome.custom_id in row_of and outcome.correct is not None:
            cell = row_of[outcome.custom_id], column_of[outcome.strategy]
            accuracy[cell], cost[cell] = outcome.correct, outcome.cost
    return Observed(strategies=strategies, unit=recording.unit, accuracy=accuracy, cost=cost)
