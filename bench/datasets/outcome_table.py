"""What every strategy did with every query of one data set, as arrays."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bench.datasets.errors import DatasetError

Cells = NDArray[np.float64]
Labels = NDArray[np.str_]

LEAST_GROUPS = 10  # fewer have no 60/10/30 split
COVERAGE = 0.8  # a strategy that answered a smaller share of the queries is left out of a complete table


@dataclass(frozen=True, kw_only=True, eq=False)
class OutcomeTable:
    """One data set; NaN where a cell was not measured."""

    name: str
    texts: Sequence[str]  # (queries,)
    groups: Labels  # (queries,), queries of one group are never split between training and test
    category: Labels  # (queries,)
    strategies: Sequence[str]
    correct: Cells  # (queries, strategies), 0..1
    cost: Cells  # (queries, strategies), in `unit`
    input_tokens: Cells  # (queries, strategies)
    output_tokens: Cells  # (queries, strategies)
    unit: str
    notes: Sequence[str] = ()  # what a reader of the figures has to know: estimates, what was left out

    def __post_init__(self) -> None:
        self._refuse((self.correct < 0) | (self.correct > 1), self.correct, "correctness outside 0..1")
        self._refuse(self.cost < 0, self.cost, "cost below 0")

    def _refuse(self, wrong: NDArray[np.bool_], cells: Cells, what: str) -> None:
        if wrong.any():
            row, column = np.argwhere(wrong)[0]
            raise DatasetError(f"{self.name}: strategy {self.strategies[column]} has a {what}: {cells[row, column]:g}")

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: NDArray[np.intp]) -> "OutcomeTable":
        """These queries, in this order."""
        return replace(
            self,
            texts=[self.texts[row] for row in rows],
            groups=self.groups[rows],
            category=self.category[rows],
            correct=self.correct[rows],
            cost=self.cost[rows],
            input_tokens=self.input_tokens[rows],
            output_tokens=self.output_tokens[rows],
        )

    def keep(self, columns: Sequence[int]) -> "OutcomeTable":
        """These strategies, in this order."""
        chosen = list(columns)
        return replace(
            self,
            strategies=[self.strategies[column] for column in chosen],
            correct=self.correct[:, chosen],
            cost=self.cost[:, chosen],
            input_tokens=self.input_tokens[:, chosen],
            output_tokens=self.output_tokens[:, chosen],
        )

    def complete(self) -> "OutcomeTable":
        """Strategies that answered most queries, and the queries that all of those answered at a known cost.

        A choice can only be judged where its outcome is known. DatasetError when fewer than two strategies remain, or
        nothing to choose by.
        """
        known = np.isfinite(self.correct) & np.isfinite(self.cost)
        columns = np.flatnonzero(known.mean(axis=0) >= COVERAGE)
        rows = np.flatnonzero(known[:, columns].all(axis=1))
        if len(columns) < 2 or len(rows) == 0:
            raise DatasetError(
                f"{self.name}: {len(columns)} strategies have correctness and cost on {COVERAGE:.0%} of {len(self)} "
                f"queries, on {len(rows)} of them together: routing needs two strategies on the same queries"
            )
        notes = list(self.notes)
        if len(columns) < len(self.strategies):
            notes.append(f"strategies left out for too few outcomes or costs: {len(self.strategies) - len(columns)}")
        if len(rows) < len(self):
            notes.append(f"queries left out because not every strategy answered them: {len(self) - len(rows)}")
        table = replace(self.keep(columns.tolist()).take(rows), notes=notes)
        table.check_routable()
        return table

    def check_routable(self) -> None:
        """DatasetError where there is nothing to pay, or nothing to learn from and be asked about."""
        if not self.cost.any():
            raise DatasetError(f"{self.name}: every cost is 0: no budget can be set")
        groups = len(np.unique(self.groups))
        if groups < LEAST_GROUPS:
            raise DatasetError(
                f"{self.name}: {groups} distinct texts or groups can not be split into what is learnt from and what "
                f"is asked: it takes at least {LEAST_GROUPS}"
            )

    def thin(self, *, queries: int | None, strategies: int | None, seed: int = 0) -> "OutcomeTable":
        """At most this many strategies, evenly spaced by mean cost with the best kept, and queries, drawn by group."""
        table = self
        if strategies is not None and strategies < len(self.strategies):
            table = table.keep(sorted(self._space_strategies(strategies)))
        if queries is not None and queries < len(self):
            names, group = np.unique(self.groups, return_inverse=True)
            rank = np.random.default_rng(seed).permutation(len(names))[group]
            table = table.take(np.sort(np.argsort(rank, kind="stable")[:queries]))
            table.check_routable()
        return table

    def _space_strategies(self, count: int) -> list[int]:
        by_cost = np.argsort(self.cost.mean(axis=0), kind="stable")
        places = np.linspace(0, len(by_cost) - 1, count).round().astype(np.intp)
        best = int(np.flatnonzero(by_cost == np.argmax(self.correct.mean(axis=0)))[0])
        if best not in places:
            places[1 + np.abs(places[1:] - best).argmin()] = best  # never in the place of the cheapest
        return [int(column) for column in by_cost[places]]
