"""Recorded outcomes as a stream of nights: what is asked, what may be known, and what only the judge looks at."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.datasets.outcome_table import OutcomeTable
from bench.decision_curve import set_budgets, trace_curve
from bench.splits import split_by_group
from router.baselines.outcomes import Estimates
from router.cold_start.probes import cover_tasks
from router.prompt_features import describe_prompts

Cells = NDArray[np.float64]
Floats = NDArray[np.float32]
Rows = NDArray[np.intp]

LEVELS = (0.1, 0.25, 0.5, 0.75)  # of the way from all-cheapest to best-single: a night's windows, one budget each


class Answers(NamedTuple):
    """What the strategies that were asked did, one each task."""

    correct: Cells  # (tasks,), 0..1
    amount: Cells  # (tasks,), cost at the prices of the recording


class Window(NamedTuple):
    """Tasks that are routed together."""

    rows: Rows
    budget: float


class Price(NamedTuple):
    """From a night on, a strategy's price is so many times what it was."""

    night: int
    times: float


class StandIn(NamedTuple):
    """From a night on, a strategy does what another one does, at its own cost, and nobody says so."""

    night: int
    strategy: int


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What happens between the nights, by strategy."""

    joins: Mapping[int, int]  # the first night with it; the others are there from the beginning
    prices: Mapping[int, Price]
    stand_ins: Mapping[int, StandIn]


QUIET = Changes(joins={}, prices={}, stand_ins={})


@dataclass(frozen=True, kw_only=True, eq=False)
class World:
    """One data set divided into probes, nights and tasks that are held out; night 0 is the first."""

    table: OutcomeTable
    vectors: Floats  # (queries, d), what is known of a task before it is answered
    probes: Rows
    nights: Sequence[Rows]
    held_out: Rows
    changes: Changes = QUIET

    @property
    def cheapest(self) -> int:
        """The strategy that is cheapest on the probes."""
        return int(self.table.cost[self.probes].mean(axis=0).argmin())

    @property
    def best(self) -> int:
        """The strategy that is most accurate on the probes."""
        return int(self.table.correct[self.probes].mean(axis=0).argmax())

    def find_joined(self, night: int) -> NDArray[np.bool_]:
        """Which strategies (strategies,) can be asked."""
        return np.array([self.changes.joins.get(s, 0) <= night for s in range(len(self.table.strategies))])

    def find_prices(self, night: int) -> Cells:
        """Cost (strategies,) of what cost 1 when it was recorded; everybody is told."""
        prices = np.ones(len(self.table.strategies))
        for strategy, price in self.changes.prices.items():
            prices[strategy] = price.times if price.night <= night else 1.0
        return prices

    def divide_night(self, night: int) -> Iterator[Window]:
        """The night's tasks as one window a budget level; budgets do not follow prices."""
        for level, rows in zip(LEVELS, np.array_split(self.nights[night], len(LEVELS)), strict=True):
            least, most = self._frame(rows)
            yield Window(rows, least + level * (most - least))

    def answer(self, night: int, rows: Rows, choice: NDArray[np.int64]) -> Answers:
        """What the chosen strategies (tasks,) do, and of no other anything."""
        return self._read(night, rows, choice)

    def look(self, night: int, rows: Rows) -> Estimates:
        """What every strategy would do and cost, which is for the judge."""
        choices = [np.full(len(rows), strategy) for strategy in range(len(self.table.strategies))]
        answers = [self._read(night, rows, choice) for choice in choices]
        correct, amount = (np.stack(cells, axis=1) for cells in zip(*answers, strict=True))
        return Estimates(correct, amount * self.find_prices(night))

    def measure_area(self, night: int, estimates: Estimates) -> float:
        """What estimates for the tasks held out are worth: the decision bench's area, from all-cheapest to best."""
        truth = self.look(night, self.held_out)
        recorded = Estimates(truth.accuracy, self.table.cost[self.held_out])
        budgets = set_budgets(recorded, cheapest=self.cheapest, best=self.best)
        return float(trace_curve(estimates, truth, budgets).area_by_task.mean())

    def _read(self, night: int, rows: Rows, choice: NDArray[np.int64]) -> Answers:
        doing = choice.copy()
        for strategy, stand_in in self.changes.stand_ins.items():
            if stand_in.night <= night:
                doing[choice == strategy] = stand_in.strategy
        return Answers(self.table.correct[rows, doing], self.table.cost[rows, choice])

    def _frame(self, rows: Rows) -> tuple[float, float]:
        recorded = Estimates(self.table.correct[rows], self.table.cost[rows])
        budgets = set_budgets(recorded, cheapest=self.cheapest, best=self.best)
        return float(budgets[0]), float(budgets[-1])


def make_world(
    table: OutcomeTable, embeddings: Floats, *, nights: int, tasks: int, probes: int, by_topic: bool, seed: int
) -> World:
    """A stream of the queries that are not held out (30 %, by group), drawn without replacement.

    Where they are too few for all nights they come again, in another order, once all have been asked; a night that
    would hold a task twice is shorter. By topic, they come in the order of their categories, once.
    """
    vectors = np.concatenate((embeddings, describe_prompts(table.texts)), axis=1).astype(np.float32)
    split = split_by_group(table.groups, seed=seed)
    stream = np.concatenate((split.train, split.validation))
    asked = stream[cover_tasks(vectors[stream], count=min(probes, len(stream) // 2), seed=seed).rows]
    rest = np.setdiff1d(stream, asked)
    generator = np.random.default_rng(seed)
    if by_topic:
        shuffled = generator.permutation(rest)[: nights * tasks]
        ordered = shuffled[np.argsort(table.category[shuffled], kind="stable")]
        divided = np.array_split(ordered, nights)
    else:
        length = min(tasks, len(rest))
        passes = -(-nights * length // len(rest))
        endless = np.concatenate([generator.permutation(rest) for _ in range(passes)])
        divided = np.split(endless[: nights * length], nights)
    return World(table=table, vectors=vectors, probes=asked, nights=divided, held_out=split.test)
