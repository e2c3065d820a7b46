"""What a strategy's outcomes teach about the prompts that it sends after its first."""

from collections.abc import Sequence

import numpy as np

from db.training_rows import TrainingRow
from router.decoding.one_request import OneRequest
from worker.forecast import measure_demand
from worker.pool import PricedStrategy
from worker.task_line import parse_task_line


def learn_later_share(rows: Sequence[TrainingRow], priced: PricedStrategy) -> float:
    """Their tokens over the most that they might have had, as a ratio of totals; 1 where nothing can be said.

    What a task's later prompts may hold at most is known beforehand. Which of them are sent, and how full, is not:
    that depends on what the model writes.
    """
    if isinstance(priced.strategy.decoding, OneRequest):
        return 1.0
    demand = measure_demand([parse_task_line(row.payload) for row in rows], [priced])
    known = demand.eligible[:, 0]
    weight = np.array([row.weight for row in rows])[known]
    used = np.array([row.later_prompt_tokens for row in rows])[known]
    most = float(weight @ demand.later_prompt_tokens[known, 0])
    return min(float(weight @ used) / most, 1.0) if most else 1.0
