"""What a file's tasks could cost and reach, before anything is stored or spent."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from db.predictions import Predictions
from db.tasks import NewTask
from router.outlook import CONFIDENCE, Outlook, find_knee, look_ahead
from router.units import Unit
from worker.bootstrap import Workshop
from worker.foresight import foresee
from worker.objective import choose_unit, sum_totals
from worker.planning import read_predictors
from worker.pool import ServingPool
from worker.prediction_rows import find_servable, take_rows
from worker.predictors import LoadedPredictors
from worker.progress import Progress, Stage, Watch
from worker.strategy_life import keep_in_service
from worker.task_encoder import TaskEncoder
from worker.task_line import parse_task_line
from worker.twins import count_alike, find_twins

LARGEST_SAMPLE = 10_000  # distinct tasks; of more than these, so many are drawn at random
MOST_OF_THE_GAIN = 0.95  # of what there is to gain above the cheapest allocation
_TWO_SIDED = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)


@dataclass(frozen=True, kw_only=True)
class Reach:
    """What a budget is predicted to reach; the accuracy that will be seen lies in the interval with 95 %."""

    budget: int  # quanta
    accuracy: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Single:
    """One strategy for every task that it can serve; tasks that it can not serve count as wrong."""

    strategy: str
    tasks: int  # that it can serve
    accuracy: float
    low: float
    high: float
    cost: int  # quanta, predicted
    worst_cost: int  # quanta, if every answer is as long as it can be


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """A budget worth a thought."""

    reason: str
    reach: Reach


@dataclass(frozen=True, kw_only=True)
class Preview:
    """The frontier of a file's tasks with what stands on it."""

    unit: Unit
    tasks: int
    distinct: int  # identical tasks are answered once
    planned_on: int  # distinct tasks; fewer than there are: drawn at random, and amounts are estimates
    unservable: int  # tasks that no strategy can serve
    cheapest: int  # quanta: below this a budget is refused
    enough: int  # quanta: this answers every task however long the answers get
    frontier: Sequence[Reach]
    singles: Sequence[Single]
    suggestions: Sequence[Suggestion]
    encoding_seconds: float
    planning_seconds: float  # all the rest

    @property
    def is_sampled(self) -> bool:
        """Whether the amounts are estimated from a part of the tasks."""
        return self.planned_on < self.distinct


@dataclass(frozen=True, kw_only=True, eq=False)
class _Foreseen:
    """Distinct tasks with their predictions."""

    predictions: Predictions
    alike: NDArray[np.int64]  # (tasks,) how many are answered with each one
    doubt: NDArray[np.float64]  # (strategies,)
    scale: float  # tasks of the file for each one here


def preview_file(workshop: Workshop, *, tasks: Sequence[NewTask]) -> Preview:
    """The preview; UntrainedStrategies names strategies that nothing is known of."""
    served = keep_in_service(workshop)
    predictors = read_predictors(served)
    workshop.watch(Progress(stage=Stage.ENCODING))
    workshop.load_models()
    return preview_tasks(tasks, pool=served.pool, predictors=predictors, encoder=workshop.encoder, watch=workshop.watch)


def preview_tasks(
    tasks: Sequence[NewTask],
    *,
    pool: ServingPool,
    predictors: LoadedPredictors,
    encoder: TaskEncoder,
    watch: Watch,
    seed: int = 0,
) -> Preview:
    """The preview by these predictors; `seed` decides what is drawn."""
    began = time.monotonic()
    leader_of = find_twins(tasks)
    alike = count_alike(len(tasks), leader_of=leader_of)
    distinct = np.flatnonzero(alike)
    chosen = _draw(distinct, seed=seed)
    lines = [parse_task_line(tasks[seq].payload) for seq in chosen.tolist()]
    ready = time.monotonic()
    unit = choose_unit(None, [priced.tariff for priced in pool.strategies])
    foresight = foresee(lines, unit=unit, pool=pool, predictors=predictors, encoder=encoder, watch=watch)
    foreseen = _Foreseen(
        predictions=foresight.expected,
        alike=alike[chosen],
        doubt=measure_doubt(predictors),
        scale=len(distinct) / max(len(chosen), 1),
    )
    described = _describe(foreseen, names=pool.names, seed=seed)
    planning = time.monotonic() - foresight.encoded + ready - began
    return Preview(
        unit=unit,
        tasks=len(tasks),
        distinct=len(distinct),
        planned_on=len(chosen),
        encoding_seconds=foresight.encoding_seconds,
        planning_seconds=planning,
        **described,
    )


def measure_doubt(predictors: LoadedPredictors) -> NDArray[np.float64]:
    """(strategies,): the standard error of each one's mean predicted accuracy, from outcomes it was not trained on.

    Two parts: how far predictions were off in their bins, and how few outcomes that was seen on.
    """
    return np.array([_doubt(meta["figures"]) for meta in predictors.meta])


def _doubt(figures: Mapping[str, Any]) -> float:
    seen = float(figures["held_out_brier"]) / max(int(figures["outcomes"]), 1)
    return math.sqrt(float(figures["held_out_calibration_error"]) ** 2 + seen)


def _draw(distinct: NDArray[np.int64], *, seed: int) -> NDArray[np.int64]:
    if len(distinct) <= LARGEST_SAMPLE:
        return distinct
    return np.sort(np.random.default_rng(seed).choice(distinct, LARGEST_SAMPLE, replace=False))


def _describe(foreseen: _Foreseen, *, names: Sequence[str], seed: int) -> dict[str, Any]:
    """Everything of a preview that depends on predictions; amounts are those of the whole file."""
    servable = find_servable(foreseen.predictions)
    served, alike = take_rows(foreseen.predictions, servable), foreseen.alike[servable]
    totals = sum_totals(served)
    singles = _describe_singles(foreseen, names=names)
    reaches: list[Reach] = []
    suggestions: list[Suggestion] = []
    if servable.any():
        # Tasks that nobody can serve are answered wrongly, whatever is spent.
        share = float(alike.sum() / foreseen.alike.sum())
        outlook = look_ahead(served.accuracy, served.cost, weight=alike, doubt=foreseen.doubt, seed=seed)
        reaches = [_reach_at(outlook, cost, share=share, scale=foreseen.scale) for cost in outlook.cost.tolist()]
        suggestions = list(_suggest(outlook, singles, share=share, foreseen=foreseen))
    return {
        "unservable": round(int(foreseen.alike[~servable].sum()) * foreseen.scale),
        "cheapest": math.ceil(totals.cheapest * foreseen.scale),
        "enough": math.ceil(totals.cheapest_worst * foreseen.scale),
        "frontier": reaches,
        "singles": singles,
        "suggestions": suggestions,
    }


def _describe_singles(foreseen: _Foreseen, *, names: Sequence[str]) -> list[Single]:
    answers, own = int(foreseen.alike.sum()), foreseen.predictions
    singles = []
    for column, name in enumerate(names):
        known = ~np.isnan(own.cost[:, column])
        mean = float(foreseen.alike[known] @ own.accuracy[known, column].astype(np.float64)) / max(answers, 1)
        spread = _TWO_SIDED * math.hypot(math.sqrt(mean * (1 - mean) / max(answers, 1)), foreseen.doubt[column])
        singles.append(
            Single(
                strategy=name,
                tasks=round(int(foreseen.alike[known].sum()) * foreseen.scale),
                accuracy=mean,
                low=max(0.0, mean - spread),
                high=min(1.0, mean + spread),
                cost=math.ceil(float(np.nansum(own.cost[:, column])) * foreseen.scale),
                worst_cost=math.ceil(float(np.nansum(own.worst_cost[:, column])) * foreseen.scale),
            )
        )
    return singles


def _reach_at(outlook: Outlook, cost: float, *, share: float, scale: float) -> Reach:
    accuracy = outlook.curve.accuracy_at(cost) / outlook.answers
    low, high = (float(np.interp(cost, outlook.cost, side)) for side in (outlook.low, outlook.high))
    return Reach(
        budget=math.ceil(cost * scale),
        accuracy=share * accuracy,
        low=share * min(low, accuracy),
        high=share * max(high, accuracy),
    )


def _suggest(outlook: Outlook, singles: Sequence[Single], *, share: float, foreseen: _Foreseen) -> list[Suggestion]:
    """The cheapest first; of two reasons for the same budget the plainer one."""
    first, last = outlook.accuracy[0], outlook.accuracy[-1]
    most = _budget_for(outlook, first + MOST_OF_THE_GAIN * (last - first))
    wanted = {float(outlook.curve.cost[0]): "the least that answers every task"}
    best = max(singles, key=lambda single: single.accuracy)
    if best.accuracy / share <= last:
        wanted.setdefault(_budget_for(outlook, best.accuracy / share), f"as accurate as {best.strategy} alone")
    wanted.setdefault(find_knee(outlook), "past this, more money buys less than before it")
    wanted.setdefault(most, f"{MOST_OF_THE_GAIN:.0%} of what there is to gain over the cheapest")
    wanted.setdefault(float(outlook.curve.cost[-1]), "nothing is gained by spending more")
    return [
        Suggestion(reason=wanted[cost], reach=_reach_at(outlook, cost, share=share, scale=foreseen.scale))
        for cost in sorted(wanted)
    ]


def _budget_for(outlook: Outlook, accuracy: float) -> float:
    return outlook.curve.budget_for(min(accuracy * outlook.answers, float(outlook.curve.accuracy[-1])))
