"""Jobs, from validated lines to rows: predicted, checked against the budget, and stored in one transaction."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from db.budgets import open_budget
from db.jobs import create_job, store_outline
from db.predictions import Predictions
from db.promises import promise_answers
from db.states import JobKind
from db.tasks import NewTask, copy_tasks, tell_planner
from db.twins import store_twins
from router.units import Amount, Unit
from worker.challengers import Challengers, Tried
from worker.exploration_terms import settle_exploration
from worker.forecast import measure_demand, price_worst
from worker.foresight import foresee
from worker.least_worst import find_least_worst, sum_least
from worker.objective import (
    Mode,
    Objective,
    Request,
    SharedBudget,
    Totals,
    choose_unit,
    settle_objective,
    sum_totals,
)
from worker.pool import ServingPool
from worker.precedence import NO_PRECEDENCE, Precedence
from worker.prediction_blocks import store_blocks, store_tried
from worker.prediction_rows import find_servable, take_rows
from worker.predictors import LoadedPredictors
from worker.progress import Watch
from worker.task_encoder import TaskEncoder
from worker.task_line import TaskLine, parse_task_line
from worker.twins import count_alike, find_twins

TENANT = "default"
TRIAL = "trial"  # in a job's meta: in which its windows take part


@dataclass(frozen=True, kw_only=True, eq=False)
class RunPlan:
    """A run thought through, before anything is stored or spent."""

    objective: Objective
    totals: Totals
    predictions: Predictions
    version_ids: tuple[int, ...]
    encoder: str
    encoding_seconds: float
    planning_seconds: float  # counting tokens and predicting; without encoding
    leader_of: Mapping[int, int] = field(default_factory=dict)  # for each twin, the task that it repeats
    budget_id: int | None = None  # of a shared budget; None: the job gets one of its own
    tried: Tried | None = None  # what challengers predict; None: nothing is on trial
    outline: bytes | None = None  # of the tasks; None: unknown

    @property
    def alike(self) -> NDArray[np.int64]:
        """(tasks,): how many tasks are answered with each one; 0 for a twin, which costs nothing."""
        return count_alike(len(self.predictions.cost), leader_of=self.leader_of)

    @property
    def tasks_not_guaranteed(self) -> int:
        """How many tasks may end as budget_exhausted if every answer is as long as it can be."""
        if self.objective.cap is None or self.objective.cap >= self.totals.cheapest_worst:
            return 0
        asked = find_servable(self.predictions) & (self.alike > 0)
        worst = np.nanmin(self.predictions.worst_cost[asked], axis=1)
        cheapest_first = np.argsort(worst, kind="stable")
        beyond = np.cumsum(worst[cheapest_first]) > self.objective.cap
        return int(self.alike[asked][cheapest_first][beyond].sum())


def plan_run(
    tasks: Sequence[NewTask],
    *,
    request: Request,
    pool: ServingPool,
    predictors: LoadedPredictors,
    encoder: TaskEncoder,
    watch: Watch,
    exploration: float = 0.0,
    challengers: Challengers | None = None,
) -> RunPlan:
    """The plan; BudgetTooSmall when the budget is below the cheapest total.

    `exploration` is the share of the money that is explored with where the request says nothing of it, `challengers`
    predict beside the predictors that serve.
    """
    unit = choose_unit(request, [priced.tariff for priced in pool.strategies])
    lines = [parse_task_line(task.payload) for task in tasks]
    foresight = foresee(
        lines, unit=unit, pool=pool, predictors=predictors, encoder=encoder, watch=watch, challengers=challengers
    )
    expected = foresight.expected
    leader_of = find_twins(tasks)
    alike = count_alike(len(tasks), leader_of=leader_of)
    totals = sum_totals(take_rows(expected, alike > 0))
    objective = _settle(request, unit=unit, expected=expected, alike=alike, totals=totals)
    share = _find_share(request, default=exploration, lines=lines)
    return RunPlan(
        objective=replace(objective, exploration=settle_exploration(share, outcomes=predictors.outcomes)),
        totals=totals,
        predictions=foresight.predictions,
        version_ids=predictors.version_ids,
        encoder=encoder.name,
        encoding_seconds=foresight.encoding_seconds,
        planning_seconds=time.monotonic() - foresight.encoded,
        leader_of=leader_of,
        budget_id=request.budget.id if isinstance(request.budget, SharedBudget) else None,
        tried=foresight.tried,
        outline=foresight.outline,
    )


def _settle(
    request: Request, *, unit: Unit, expected: Predictions, alike: NDArray[np.int64], totals: Totals
) -> Objective:
    """The objective, by the tasks that are asked and that some strategy can serve."""
    asked = find_servable(expected) & (alike > 0)
    return settle_objective(
        request, unit=unit, predictions=take_rows(expected, asked), alike=alike[asked], totals=totals
    )


def _find_share(request: Request, *, default: float, lines: Sequence[TaskLine]) -> float:
    """The share of the money that is explored with."""
    if request.target_accuracy is not None:
        return 0.0  # what is asked for is an accuracy, at the least cost: there is nothing to explore with
    if request.exploration is not None:
        return request.exploration
    return default if any(line.grader for line in lines) else 0.0  # what nobody grades teaches nothing


def submit_run(
    session: Session,
    *,
    tasks: Iterable[NewTask],
    plan: RunPlan,
    strategy_ids: Sequence[int],
    meta: Mapping[str, Any],
    precedence: Precedence = NO_PRECEDENCE,
    continues_job_id: int | None = None,
    tenant_id: str = TENANT,
) -> int:
    """The id of the stored job; nothing is stored unless the caller commits."""
    job_id = _create(
        session,
        tenant_id=tenant_id,
        kind=JobKind.RUN,
        objective=plan.objective,
        strategy_ids=strategy_ids,
        encoder=plan.encoder,
        meta={
            **meta,
            "cheapest": str(plan.totals.cheapest),
            "cheapest_worst": str(plan.totals.cheapest_worst),
            "dearest": str(plan.totals.dearest),
            "encoding_seconds": plan.encoding_seconds,
            "planning_seconds": plan.planning_seconds,
            **({} if plan.tried is None else {TRIAL: plan.tried.trial_id}),
        },
        precedence=precedence,
        budget_id=plan.budget_id,
        continues_job_id=continues_job_id,
    )
    copied = copy_tasks(session, job_id=job_id, tasks=tasks)
    store_blocks(session, job_id=job_id, predictions=plan.predictions, version_ids=plan.version_ids)
    if plan.tried is not None:
        store_tried(session, job_id=job_id, tried=plan.tried)
    store_outline(session, job_id=job_id, outline=plan.outline)
    store_twins(session, job_id=job_id, leader_of=plan.leader_of)
    promise_answers(session, job_id=job_id, least=sum_least(find_least_worst(plan.predictions)[plan.alike > 0]))
    tell_planner(session, copied=copied)
    return job_id


def submit_calibration(
    session: Session,
    *,
    tasks: Sequence[NewTask],
    pool: ServingPool,
    strategy_ids: Sequence[int],
    meta: Mapping[str, Any],
) -> int:
    """The id of a stored job in which every strategy answers every task it can serve, capped at its own worst case."""
    return _submit_arms(session, kind=JobKind.CALIBRATION, tasks=tasks, pool=pool, strategy_ids=strategy_ids, meta=meta)


def submit_probe(
    session: Session,
    *,
    tasks: Sequence[NewTask],
    weights: Sequence[float],
    pool: ServingPool,
    strategy_ids: Sequence[int],
    meta: Mapping[str, Any],
) -> int:
    """The id of a stored job like a calibration, of tasks that stand for others and count as their weights say."""
    weighed = {**meta, "weights": list(weights)}
    return _submit_arms(session, kind=JobKind.PROBE, tasks=tasks, pool=pool, strategy_ids=strategy_ids, meta=weighed)


def submit_judging(
    session: Session,
    *,
    tasks: Sequence[NewTask],
    judge: ServingPool,
    strategy_id: int,
    budget: Amount,
    tenant_id: str,
    meta: Mapping[str, Any],
) -> int:
    """The id of a stored job in which one strategy reads what others answered, within a budget of its own."""
    return _submit_arms(
        session,
        kind=JobKind.JUDGING,
        tasks=tasks,
        pool=judge,
        strategy_ids=[strategy_id],
        meta=meta,
        budget=budget,
        tenant_id=tenant_id,
    )


def _submit_arms(
    session: Session,
    *,
    kind: JobKind,
    tasks: Sequence[NewTask],
    pool: ServingPool,
    strategy_ids: Sequence[int],
    meta: Mapping[str, Any],
    budget: Amount | None = None,
    tenant_id: str = TENANT,
) -> int:
    """Without a budget the cap is the worst that all of it may cost."""
    unit = budget.unit if budget else choose_unit(None, [priced.tariff for priced in pool.strategies])
    demand = measure_demand([parse_task_line(task.payload) for task in tasks], pool.strategies)
    worst = price_worst(demand, strategies=pool.strategies, unit=unit)
    # Exact: a float sum may fall below its own parts.
    cap = budget.quanta if budget else sum(int(amount) for amount in worst[demand.eligible])
    objective = Objective(mode=Mode.BUDGET, unit=unit, stated=str(kind), cap=cap)
    # Nothing is chosen here: the accuracy only says who can serve what, and every cost is the worst case.
    accuracy = np.where(demand.eligible, 0.0, np.nan).astype(np.float32)
    predictions = Predictions(accuracy=accuracy, cost=worst, worst_cost=worst, prompt_tokens=demand.prompt_tokens)
    job_id = _create(
        session,
        tenant_id=tenant_id,
        kind=kind,
        objective=objective,
        strategy_ids=strategy_ids,
        encoder="",
        meta=meta,
    )
    copied = copy_tasks(session, job_id=job_id, tasks=tasks)
    store_blocks(session, job_id=job_id, predictions=predictions, version_ids=())
    tell_planner(session, copied=copied)
    return job_id


def _create(
    session: Session,
    *,
    tenant_id: str,
    kind: JobKind,
    objective: Objective,
    strategy_ids: Sequence[int],
    encoder: str,
    meta: Mapping[str, Any],
    precedence: Precedence = NO_PRECEDENCE,
    budget_id: int | None = None,
    continues_job_id: int | None = None,
) -> int:
    if budget_id is None:
        own = f"{kind} {objective.stated}"
        budget_id = open_budget(session, tenant_id=tenant_id, name=own, unit=objective.unit, cap=objective.cap)
    return create_job(
        session,
        tenant_id=tenant_id,
        kind=kind,
        objective=objective.to_json(),
        budget_id=budget_id,
        strategy_ids=strategy_ids,
        encoder=encoder,
        meta=meta,
        priority=precedence.priority,
        deadline=precedence.deadline,
        continues_job_id=continues_job_id,
        second_chances=objective.second_chances is not None,
    )
