"""Pools whose strategies can be degraded: predictions, costs and what would come of every task."""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.decision_inputs import read_inputs, tell
from bench.decision_run import prepare_trial
from bench.drift_detectors import Told
from bench.splits import split_by_group
from router import allocate, frontier
from router.baselines.registry import METHODS
from router.drift.bets import DEAREST
from router.drift.watch import CLAIMS, Broken
from router.platt import log_odds_of, sigmoid

Floats = NDArray[np.float64]

SYNTHETIC_TASKS = 4000
SKILLS = (-0.4, 0.3, 0.7, 1.1, 1.6, 2.0)  # log-odds of six strategies, the cheapest first
PRICES = (1.0, 2.0, 4.0, 7.0, 12.0, 20.0)
COST_SPREAD, COST_ERROR = 0.6, 0.15  # of a cost's logarithm from answer to answer; of a strategy's steady cost
BUDGET_SHARE = 0.3  # of what lies between the cheapest and the dearest total
REAL_METHOD, QUICK_METHOD = "apportion", "kNN-100"


class Off(NamedTuple):
    """A strategy whose predictions do not hold."""

    strategy: int
    told: Told
    why: str  # beside what was predicted


@dataclass(frozen=True, kw_only=True, eq=False)
class Pool:
    """Arrays (tasks, strategies)."""

    name: str
    strategies: Sequence[str]
    predicted: Floats  # accuracies
    cost: Floats  # as predicted
    spent: Floats  # what answers cost
    correct: Floats  # how likely each answer is right: of recorded outcomes 0 or 1, or a share

    def choose(self, rows: NDArray[np.intp], predicted: Floats) -> NDArray[np.intp]:
        """A strategy for each of these tasks, under the pool's budget."""
        curve = frontier(predicted, self.cost[rows])
        budget = curve.cost[0] + BUDGET_SHARE * (curve.cost[-1] - curve.cost[0])
        return np.asarray(allocate(predicted, self.cost[rows], float(budget)).choice, dtype=np.intp)

    def list_broken(self) -> list[Off]:
        """Where predictions do not hold on what strategies are given, by more than is tolerated: no alarm is false."""
        choice = self.choose(np.arange(len(self.cost)), self.predicted)
        found = []
        for column, name in enumerate(self.strategies):
            rows = np.flatnonzero(choice == column)
            if not len(rows):
                continue
            right = float((self.correct - self.predicted)[rows, column].mean())
            dearer = float((self.spent / self.cost)[rows, column].clip(max=DEAREST).mean()) - 1
            if abs(right) > _tolerate(Broken.WORSE):
                found.append(Off(column, Told.ACCURACY, f"{name}: {len(rows)} tasks, right {100 * right:+.1f} points"))
            if dearer > _tolerate(Broken.DEARER):
                found.append(Off(column, Told.COST, f"{name}: {len(rows)} tasks, cost {100 * dearer:+.0f} %"))
        return found

    def find_busiest(self) -> int:
        """The strategy that is given the most tasks."""
        choice = self.choose(np.arange(len(self.cost)), self.predicted)
        return int(np.bincount(choice, minlength=self.cost.shape[1]).argmax())


def _tolerate(broken: Broken) -> float:
    return CLAIMS[broken].band + CLAIMS[broken].slack


def make_pool(seed: int) -> Pool:
    """Six strategies on tasks of known difficulty, with predictions as wrong as real ones: 3 to 5 points of ECE."""
    rng = np.random.default_rng(seed)
    difficulty = rng.normal(0, 1.2, (SYNTHETIC_TASKS, 1))
    true = sigmoid(np.array(SKILLS) + 0.5 * rng.normal(size=(SYNTHETIC_TASKS, len(SKILLS))) - difficulty)
    scale, offset = rng.uniform(0.7, 1.3, len(SKILLS)), rng.uniform(-0.3, 0.3, len(SKILLS))
    noise = 0.4 * rng.normal(size=true.shape)  # what the predictor does not know
    predicted = sigmoid(scale * (log_odds_of(true) + noise) + offset)
    cost = np.array(PRICES) * rng.lognormal(0, 0.4, (SYNTHETIC_TASKS, 1))
    spread = rng.lognormal(-(COST_SPREAD**2) / 2, COST_SPREAD, true.shape)
    spent = cost * rng.uniform(1 - COST_ERROR, 1 + COST_ERROR, len(PRICES)) * spread
    names = [f"made {number}" for number in range(len(SKILLS))]
    return Pool(name="synthetic", strategies=names, predicted=predicted, cost=cost, spent=spent, correct=true)


def read_pools(arguments: argparse.Namespace) -> Iterator[Pool]:
    """Test tasks of every table in the folder, predicted by pairs trained on the others; without one, a made pool."""
    if arguments.data is None:
        yield make_pool(seed=0)
        return
    method = QUICK_METHOD if arguments.quick else REAL_METHOD
    for given in read_inputs(arguments):
        tell(f"{given.table.name}: {method}")
        trial = prepare_trial(
            given.table, given.embeddings, split_by_group(given.table.groups, seed=0), mean_costs=False
        )
        estimates = METHODS[method].fit(*trial.seen, 0)(trial.tasks)
        yield Pool(
            name=given.table.name,
            strategies=given.table.strategies,
            predicted=np.clip(estimates.accuracy, 0.01, 0.99),
            cost=np.maximum(estimates.cost, 1e-12),
            spent=trial.truth.cost,
            correct=trial.truth.accuracy,
        )
