"""What a strategy's outcomes teach about the prompts that it sends after its first."""

from collections.abc import Sequence

import numpy as np

from db.training_rows import TrainingRow
from router.decoding.one_request import OneRequest
from worker.forecast import measure_demand
from worker.pool import PricedStrategy
from worker.task_line import parse_task_line


def learn_later_share(rows: Sequence[TrainingRow], priced: PricedStrategy) -> float:
    """Their tokens over the most that they might have had, as a ratio of totals; 1 where nothing can be said."""
    later = LaterPrompts(priced)
    later.add(rows)
    return later.share


class LaterPrompts:
    """That ratio, of rows that come and go.

    What a task's later prompts may hold at most is known beforehand. Which of them are sent, and how full, is not:
    that depends on what the model writes.
    """

    def __init__(self, priced: PricedStrategy) -> None:
        self._priced = priced
        self._used = self._most = 0.0

    def add(self, rows: Sequence[TrainingRow]) -> None:
        """Count some more."""
        if isinstance(self._priced.strategy.decoding, OneRequest) or not rows:
            return
        demand = measure_demand([parse_task_line(row.payload) for row in rows], [self._priced])
        known = demand.eligible[:, 0]
        weight = np.array([row.weight for row in rows])[known]
        self._used += float(weight @ np.array([row.later_prompt_tokens for row in rows])[known])
        self._most += float(weight @ demand.later_prompt_tokens[known, 0])

    @property
    def share(self) -> float:
        """1 where nothing can be said."""
        return min(self._used / self._most, 1.0) if self._most else 1.0
