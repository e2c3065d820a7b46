"""Decisions about single tasks of a run, read back as they were made."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from sqlalchemy.orm import Session

from db.explorations import iterate_draws
from db.jobs import Job
from db.labels import StoredLabel, read_labels
from db.predictions import Predictions, read_predictions
from db.results import TaskResult, read_results
from db.strategies import read_strategies
from gateway.drawn import DrawnDecision, explain_drawn, name_draw
from gateway.report.values import Option
from gateway.second_chances import ToldChance, tell_second_chances
from router.units import Unit
from worker.objective import Objective


class StrategyForecast(NamedTuple):
    """What a strategy was predicted to do with a task; costs in quanta."""

    strategy: str
    accuracy: float
    cost: float
    worst_cost: float


@dataclass(frozen=True, kw_only=True)
class TaskDecision:
    """Where a task went, with everything that this was decided by."""

    custom_id: str
    unit: Unit
    strategy: str | None  # None: nothing was asked
    forecasts: Sequence[StrategyForecast]  # of those that can serve it, the cheapest first
    price: float | None  # right answers a quantum; None: not routed, or under no price
    propensity: float | None
    drawn: DrawnDecision | None  # None: there was nothing to draw from
    second_chance: ToldChance | None  # None: its first answer is valid, or there is none yet
    why: str
    status: str
    cost: int | None  # quanta
    correct: float | None  # by the label that counts; where there is none, by its grader
    labels: Sequence[StoredLabel]  # in the order of saying
    leader: str | None  # the identical task whose answer it has


def read_decisions(session: Session, *, job: Job, lo: int, hi: int) -> list[TaskDecision]:
    """Those of the run's tasks lo..hi-1, in order: as quick in a job of a million tasks as in a small one."""
    if lo >= hi:
        return []
    unit = Objective.from_json(job.objective).unit
    names = {row.id: row.name for row in read_strategies(session, strategy_ids=job.strategy_ids)}
    predictions = read_predictions(session, job_id=job.id, seqs=range(lo, hi))
    ordered = [names[strategy_id] for strategy_id in job.strategy_ids]
    draws = {draw.seq: name_draw(draw, names=names) for draw in iterate_draws(session, job_id=job.id, lo=lo, hi=hi)}
    labels: dict[int, list[StoredLabel]] = {}
    for label in read_labels(session, job_id=job.id, lo=lo, hi=hi):
        labels.setdefault(label.seq, []).append(label)
    chances = dict(tell_second_chances(session, job=job, names=names, lo=lo, hi=hi))
    return [
        _describe(
            result,
            unit=unit,
            names=names,
            forecasts=_list_forecasts(predictions, result.seq - lo, ordered),
            drawn=draws.get(result.seq),
            second_chance=chances.get(result.seq),
            labels=labels.get(result.seq, ()),
        )
        for result in read_results(session, job_id=job.id, seqs=range(lo, hi))
    ]


def _list_forecasts(predictions: Predictions, row: int, names: Sequence[str]) -> list[StrategyForecast]:
    found = [
        StrategyForecast(
            strategy=name,
            accuracy=float(predictions.accuracy[row, column]),
            cost=float(predictions.cost[row, column]),
            worst_cost=float(predictions.worst_cost[row, column]),
        )
        for column, name in enumerate(names)
        if not np.isnan(predictions.cost[row, column])
    ]
    return sorted(found, key=lambda forecast: forecast.cost)


def _describe(
    result: TaskResult,
    *,
    unit: Unit,
    names: dict[int, str],
    forecasts: Sequence[StrategyForecast],
    drawn: DrawnDecision | None,
    second_chance: ToldChance | None,
    labels: Sequence[StoredLabel],
) -> TaskDecision:
    outcome = result.outcome
    strategy = None if outcome is None else names[outcome.strategy_id]
    options = tuple(Option(strategy=own.strategy, accuracy=own.accuracy, cost_quanta=own.cost) for own in forecasts)
    price = None if outcome is None else outcome.shadow_price
    return TaskDecision(
        custom_id=result.custom_id,
        unit=unit,
        strategy=strategy,
        forecasts=forecasts,
        price=price,
        propensity=None if outcome is None else outcome.propensity,
        drawn=drawn,
        second_chance=second_chance,
        why=_explain(result)
        if strategy is None
        else explain_drawn(options, strategy, shadow_price=price, unit=unit, drawn=drawn),
        status=_say_status(result),
        cost=None if outcome is None else outcome.cost,
        correct=None if outcome is None else outcome.correct,
        labels=labels,
        leader=result.leader,
    )


def _explain(result: TaskResult) -> str:
    if result.reason is None:
        return "It has not been answered yet."
    return f"It was given to no strategy: {result.reason.replace('_', ' ')}."


def _say_status(result: TaskResult) -> str:
    if result.outcome is not None:
        return result.outcome.error_code or "answered"
    return "waiting" if result.reason is None else result.reason.value
