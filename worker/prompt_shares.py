"""What a strategy's outcomes teach about the length of its prompts, of which only bounds are known beforehand."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from db.training_rows import TrainingRow
from router.decoding.one_request import OneRequest
from worker.engines.prompt_bound import PromptBound
from worker.forecast import PromptShares, measure_demand
from worker.pool import PricedStrategy
from worker.task_line import parse_task_line


class _Tokens(NamedTuple):
    """Weighted sums over rows."""

    used: float
    most: float

    def plus(self, used: float, most: float) -> "_Tokens":
        """With those of more rows."""
        return _Tokens(self.used + used, self.most + most)

    @property
    def share(self) -> float:
        """1 where nothing can be said."""
        return min(self.used / self.most, 1.0) if self.most else 1.0


def learn_prompt_shares(rows: Sequence[TrainingRow], priced: PricedStrategy) -> PromptShares:
    """Their tokens over the most that they might have had, as ratios of totals; 1 where nothing can be said."""
    prompts = PromptLengths(priced)
    prompts.add(rows)
    return prompts.shares


def read_prompt_shares(meta: Mapping[str, Any]) -> PromptShares:
    """Those that a version keeps."""
    return PromptShares(meta.get("first_prompt_share", 1.0), meta.get("later_prompt_share", 1.0))


class PromptLengths:
    """Those ratios, of rows that come and go.

    What a task's prompts may hold at most is known beforehand. Of a server's model the tokens of a text are not; of
    later prompts, which of them are sent, and how full, is not: that depends on what the model writes.
    """

    def __init__(self, priced: PricedStrategy) -> None:
        self._priced = priced
        self._learns_first = isinstance(priced.model.counter, PromptBound)  # others count what engines do
        self._learns_later = not isinstance(priced.strategy.decoding, OneRequest)
        self._first = self._later = _Tokens(0.0, 0.0)

    def add(self, rows: Sequence[TrainingRow]) -> None:
        """Count some more."""
        if not rows or not (self._learns_first or self._learns_later):
            return
        demand = measure_demand([parse_task_line(row.payload) for row in rows], [self._priced])
        known = demand.eligible[:, 0]
        weight = np.array([row.weight for row in rows])[known]
        later = np.array([row.later_prompt_tokens for row in rows])[known]
        first = np.array([row.prompt_tokens for row in rows])[known] - later
        counted = weight * (first > 0)  # a recording may not know
        self._first = self._first.plus(float(counted @ first), float(counted @ demand.prompt_tokens[known, 0]))
        self._later = self._later.plus(float(weight @ later), float(weight @ demand.later_prompt_tokens[known, 0]))

    @property
    def shares(self) -> PromptShares:
        """1 where nothing can be said."""
        return PromptShares(
            first=self._first.share if self._learns_first else 1.0,
            later=self._later.share if self._learns_later else 1.0,
        )
