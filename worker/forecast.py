"""What every strategy would do with every task: eligible or not, prompt tokens, accuracy, cost, worst cost."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from db.predictions import Predictions
from router.errors import NotEligible
from router.generation import GenerationRequest
from router.stack import PredictorStack
from router.tariff import TokenPrice
from router.units import Unit
from worker.charges import charge_many
from worker.engines.errors import PromptRefused
from worker.pool import PricedStrategy
from worker.task_line import TaskLine

NOT_COUNTED = -1


@dataclass(frozen=True, kw_only=True, eq=False)
class Demand:
    """What is known before any prediction; arrays (tasks, strategies)."""

    prompt_tokens: NDArray[np.int32]  # NOT_COUNTED where the strategy can not serve the task
    max_output_tokens: NDArray[np.int64]

    @property
    def eligible(self) -> NDArray[np.bool_]:
        """Where a strategy can serve a task."""
        eligible: NDArray[np.bool_] = self.prompt_tokens != NOT_COUNTED
        return eligible


def measure_demand(lines: Sequence[TaskLine], strategies: Sequence[PricedStrategy]) -> Demand:
    """Prompt tokens, exact or a proven bound, and the most output tokens, for every pair that can be served."""
    prompt_tokens = np.full((len(lines), len(strategies)), NOT_COUNTED, dtype=np.int32)
    max_output_tokens = np.zeros(prompt_tokens.shape, dtype=np.int64)
    for column, priced in enumerate(strategies):
        requests = [build_request(line, priced) for line in lines]
        rows = [row for row, request in enumerate(requests) if request is not None]
        built = [request for request in requests if request is not None]
        limits = np.array([request.max_tokens for request in built], dtype=np.int64)
        counts = _count(built, priced)
        fits = (counts != NOT_COUNTED) & (counts + limits <= priced.model.context_tokens)
        prompt_tokens[rows, column] = np.where(fits, counts, NOT_COUNTED)
        max_output_tokens[rows, column] = [request.max_output_tokens for request in built]
    return Demand(prompt_tokens=prompt_tokens, max_output_tokens=max_output_tokens)


def build_request(line: TaskLine, priced: PricedStrategy) -> GenerationRequest | None:
    """The request that this strategy would make for a task; None when it can not serve it."""
    if not line.allows(priced.strategy):
        return None
    try:
        return priced.strategy.decoding.build(line.prompt)
    except NotEligible:
        return None


def predict(
    demand: Demand,
    embeddings: NDArray[np.float32],
    *,
    strategies: Sequence[PricedStrategy],
    stack: PredictorStack,
    unit: Unit,
    cached_shares: Sequence[float],
) -> Predictions:
    """Accuracy and cost of every pair, costs in quanta of the unit; NaN where a strategy is not eligible.

    `cached_shares` says what share of each strategy's prompt tokens its engine is expected to have at hand.
    """
    expected = stack.predict(embeddings)
    output_tokens = np.minimum(expected.output_tokens, demand.max_output_tokens)
    worst = price_worst(demand, strategies=strategies, unit=unit)
    prices = [priced.tariff.price_in(unit) for priced in strategies]
    cost = _price_expected(demand.prompt_tokens, output_tokens, prices=prices, cached_shares=cached_shares)
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
            prompt_tokens=demand.prompt_tokens[rows, column],
            output_tokens=demand.max_output_tokens[rows, column],
        )
    return worst


def _count(requests: Sequence[GenerationRequest], priced: PricedStrategy) -> NDArray[np.int32]:
    """Tokens of each prompt; one that the model's template refuses is not counted, and spoils no other."""
    prompts = [request.messages for request in requests]
    try:
        return np.array(priced.model.counter.count(prompts), dtype=np.int32)
    except PromptRefused:
        return np.array([_count_one(request, priced) for request in requests], dtype=np.int32)


def _count_one(request: GenerationRequest, priced: PricedStrategy) -> int:
    try:
        return priced.model.counter.count([request.messages])[0]
    except PromptRefused:
        return NOT_COUNTED


def _price_expected(
    prompt_tokens: NDArray[np.int32],
    output_tokens: NDArray[np.float64],
    *,
    prices: Sequence[TokenPrice],
    cached_shares: Sequence[float],
) -> NDArray[np.float64]:
    per_prompt = np.array(list(map(TokenPrice.prompt_at, prices, cached_shares)))  # (strategies,)
    per_output = np.array([float(price.output) for price in prices])  # (strategies,)
    quanta: NDArray[np.float64] = prompt_tokens * per_prompt + output_tokens * per_output
    return quanta
