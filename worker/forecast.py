"""What every strategy would do with every task: eligible or not, prompt tokens, accuracy, cost, worst cost."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from db.predictions import Predictions
from router.decoding.protocol import Stage
from router.stack import PredictorStack
from router.tariff import TokenPrice
from router.units import Unit
from worker.charges import charge_many
from worker.engines.errors import PromptRefused
from worker.pool import PricedStrategy
from worker.stage_bounds import bound_prompts, list_stages
from worker.task_line import TaskLine

NOT_COUNTED = -1


class PromptShares(NamedTuple):
    """How much of what a strategy's prompts may hold at most they are expected to hold."""

    first: float  # of the first request; 1 where its tokens are counted and not bounded
    later: float  # of the requests after it


@dataclass(frozen=True, kw_only=True, eq=False)
class Demand:
    """What is known before any prediction; arrays (tasks, strategies)."""

    prompt_tokens: NDArray[np.int32]  # of the first request; NOT_COUNTED where the strategy can not serve the task
    later_prompt_tokens: NDArray[np.int64]  # of all requests that may follow, at most
    max_output_tokens: NDArray[np.int64]  # of all requests

    @property
    def eligible(self) -> NDArray[np.bool_]:
        """Where a strategy can serve a task."""
        eligible: NDArray[np.bool_] = self.prompt_tokens != NOT_COUNTED
        return eligible

    @property
    def most_prompt_tokens(self) -> NDArray[np.int64]:
        """Of all requests, where a strategy can serve a task."""
        return self.prompt_tokens + self.later_prompt_tokens

    def keep(self, columns: Sequence[int]) -> "Demand":
        """That of these strategies only."""
        kept = list(columns)
        return Demand(
            prompt_tokens=self.prompt_tokens[:, kept],
            later_prompt_tokens=self.later_prompt_tokens[:, kept],
            max_output_tokens=self.max_output_tokens[:, kept],
        )


def measure_demand(lines: Sequence[TaskLine], strategies: Sequence[PricedStrategy]) -> Demand:
    """Prompt tokens, exact or a proven bound, and the most output tokens, for every pair that can be served."""
    shape = (len(lines), len(strategies))
    demand = Demand(
        prompt_tokens=np.full(shape, NOT_COUNTED, dtype=np.int32),
        later_prompt_tokens=np.zeros(shape, dtype=np.int64),
        max_output_tokens=np.zeros(shape, dtype=np.int64),
    )
    for column, priced in enumerate(strategies):
        planned = [(row, stages) for row, line in enumerate(lines) if (stages := list_stages(line, priced))]
        position = 0
        while planned:
            _add_stage(demand, column, [(row, stages[position]) for row, stages in planned], priced, first=not position)
            position += 1
            planned = [(row, stages) for row, stages in planned if len(stages) > position]
    return demand


def _add_stage(
    demand: Demand, column: int, asked: Sequence[tuple[int, Stage]], priced: PricedStrategy, *, first: bool
) -> None:
    """Add one request of each of these tasks; one that may not fit the context makes its task's pair not eligible."""
    rows = [row for row, _ in asked]
    requests = [stage.request for _, stage in asked]
    counts = _bound([stage for _, stage in asked], priced)
    limits = np.array([request.max_tokens for request in requests], dtype=np.int64)
    fits = (counts != NOT_COUNTED) & (counts + limits <= priced.model.context_tokens)
    if first:
        demand.prompt_tokens[rows, column] = np.where(fits, counts, NOT_COUNTED)
    else:
        demand.later_prompt_tokens[rows, column] += counts
        demand.prompt_tokens[rows, column] = np.where(fits, demand.prompt_tokens[rows, column], NOT_COUNTED)
    demand.max_output_tokens[rows, column] += [request.max_output_tokens for request in requests]


def predict(
    demand: Demand,
    embeddings: NDArray[np.float32],
    *,
    strategies: Sequence[PricedStrategy],
    stack: PredictorStack,
    unit: Unit,
    cached_shares: Sequence[float],
    prompt_shares: Sequence[PromptShares],
) -> Predictions:
    """Accuracy and cost of every pair, costs in quanta of the unit; NaN where a strategy is not eligible.

    `cached_shares` says what share of each strategy's prompt tokens its engine is expected to have at hand.
    """
    expected = stack.predict(embeddings)
    output_tokens = np.minimum(expected.output_tokens, demand.max_output_tokens)
    first, later = np.array(prompt_shares).T  # (strategies,) each
    prompt_tokens = demand.prompt_tokens * first + demand.later_prompt_tokens * later
    worst = price_worst(demand, strategies=strategies, unit=unit)
    prices = [priced.tariff.price_in(unit) for priced in strategies]
    cost = _price_expected(prompt_tokens, output_tokens, prices=prices, cached_shares=cached_shares)
    return Predictions(
        accuracy=np.where(demand.eligible, expected.accuracy, np.nan).astype(np.float32),
        cost=np.minimum(np.ceil(cost), worst),  # NaN where the worst case is
        worst_cost=worst,
        prompt_tokens=demand.prompt_tokens,
    )


def price_worst(demand: Demand, *, strategies: Sequence[PricedStrategy], unit: Unit) -> NDArray[np.float64]:
    """The most that each pair can cost, in quanta: what has to be reserved before it runs. Never below the charge."""
    worst = np.full(demand.prompt_tokens.shape, np.nan)
    for column, priced in enumerate(strategies):
        rows = demand.eligible[:, column]
        worst[rows, column] = charge_many(
            priced.tariff.price_in(unit),
            prompt_tokens=demand.most_prompt_tokens[rows, column],
            output_tokens=demand.max_output_tokens[rows, column],
        )
    return worst


def _bound(stages: Sequence[Stage], priced: PricedStrategy) -> NDArray[np.int64]:
    """The most tokens of each prompt; one that the model's template refuses is not counted, and spoils no other."""
    try:
        return np.array(bound_prompts(stages, priced.model.counter), dtype=np.int64)
    except PromptRefused:
        return np.array([_bound_one(stage, priced) for stage in stages], dtype=np.int64)


def _bound_one(stage: Stage, priced: PricedStrategy) -> int:
    try:
        return bound_prompts([stage], priced.model.counter)[0]
    except PromptRefused:
        return NOT_COUNTED


def _price_expected(
    prompt_tokens: NDArray[np.float64],
    output_tokens: NDArray[np.float64],
    *,
    prices: Sequence[TokenPrice],
    cached_shares: Sequence[float],
) -> NDArray[np.float64]:
    per_prompt = np.array(list(map(TokenPrice.prompt_at, prices, cached_shares)))  # (strategies,)
    per_output = np.array([float(price.output) for price in prices])  # (strategies,)
    quanta: NDArray[np.float64] = prompt_tokens * per_prompt + output_tokens * per_output
    return quanta
