"""What each strategy of a job did: counted where groups keep counts, else estimated from the sample."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gateway.dashboard.charts.chart import strategy_colour
from gateway.dashboard.job_view import JobView
from gateway.report.facts import describe_spec
from gateway.report.routed import mean_of_known


@dataclass(frozen=True, kw_only=True)
class StrategyRow:
    """One strategy in a job."""

    name: str
    description: str
    colour: str
    answered: int
    share: float  # of all answers
    errors: int
    observed_accuracy: float | None  # counted
    predicted_accuracy: float | None  # of the sampled tasks that it answered
    cost_ratio: float | None  # settled over predicted, of the same


def describe_strategies(view: JobView) -> Sequence[StrategyRow]:
    """In the job's order."""
    return [_describe(view, column) for column in range(len(view.strategies))]


def measure_cost_ratio(paid: np.ndarray, predicted: np.ndarray) -> float | None:
    """What tasks cost over what was predicted for them; None where nothing was."""
    whole = float(np.nansum(predicted))
    return float(paid.sum()) / whole if whole else None


def _describe(view: JobView, column: int) -> StrategyRow:
    strategy = view.strategies[column]
    groups = [group for group in view.groups if group.strategy_id == strategy.id]
    graded, answered = sum(group.graded for group in groups), sum(group.answered for group in groups)
    predicted, ratio = _estimate(view, column)
    return StrategyRow(
        name=strategy.name,
        description=describe_spec(strategy),
        colour=strategy_colour(column),
        answered=answered,
        share=answered / max(1, sum(group.answered for group in view.groups)),
        errors=sum(group.errors for group in groups),
        observed_accuracy=sum(group.correct for group in groups) / graded if graded else None,
        predicted_accuracy=predicted,
        cost_ratio=ratio,
    )


def _estimate(view: JobView, column: int) -> tuple[float | None, float | None]:
    sample = view.sample
    if sample is None:
        return None, None
    own = np.flatnonzero((sample.choice == column) & (sample.alike > 0))
    return mean_of_known(sample.accuracy[own, column]), measure_cost_ratio(sample.paid[own], sample.cost[own, column])
