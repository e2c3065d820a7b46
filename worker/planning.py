"""Runs, planned and stored: what can be done before anybody answers."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from db.session import run_in_transaction, session_scope
from db.tasks import NewTask
from worker.bootstrap import Workshop
from worker.challengers import Challengers, load_challengers
from worker.objective import Request
from worker.past_failures import learn_terms
from worker.precedence import NO_PRECEDENCE, Precedence
from worker.predictors import LoadedPredictors, load_predictors
from worker.producer import ring_once
from worker.progress import Progress, Stage
from worker.queues import ROUTER
from worker.shared_budgets import draw_on
from worker.strategy_life import keep_in_service
from worker.submission import RunPlan, plan_run, submit_run
from worker.task_vectors import TaskVectors


class Submitted(NamedTuple):
    """A job that is stored, and what was planned for it."""

    job_id: int
    plan: RunPlan


def submit(
    workshop: Workshop, *, tasks: Sequence[NewTask], request: Request, meta: Mapping[str, Any], precedence: Precedence
) -> Submitted:
    """The job, planned and stored for whoever answers it; BudgetTooSmall and UntrainedStrategies leave none behind."""
    served = keep_in_service(workshop)
    predictors = read_predictors(served)
    asked = draw_on(workshop.database, request, pool=served.pool)
    workshop.watch(Progress(stage=Stage.ENCODING))
    workshop.load_models()
    plan = plan_tasks(served, tasks=tasks, request=asked, predictors=predictors)
    job_id = store_run(served, tasks=tasks, plan=plan, meta=meta, precedence=precedence)
    if workshop.settings.has_workers:
        ring_once(workshop.settings, ROUTER)
    return Submitted(job_id, plan)


def read_predictors(workshop: Workshop) -> LoadedPredictors:
    """The predictors that serve the workshop's strategies; UntrainedStrategies names those that have none."""
    with session_scope(workshop.database) as session:
        return load_predictors(
            session, strategy_ids=workshop.strategy_ids, names=workshop.pool.names, encoder=workshop.encoder.name
        )


def plan_tasks(
    workshop: Workshop, *, tasks: Sequence[NewTask], request: Request, predictors: LoadedPredictors
) -> RunPlan:
    """What the run would do, without storing or spending anything."""
    plan = plan_run(
        tasks,
        request=request,
        pool=workshop.pool,
        predictors=predictors,
        encoder=workshop.encoder,
        watch=workshop.watch,
        exploration=workshop.settings.exploration,
        challengers=_read_challengers(workshop),
    )
    if not request.second_chances:
        return plan
    vectors = TaskVectors(workshop.encoder, watch=workshop.watch)
    with session_scope(workshop.database) as session:
        terms = learn_terms(
            session, strategy_ids=workshop.strategy_ids, pool=workshop.pool, predictors=predictors, vectors=vectors
        )
    return replace(plan, objective=replace(plan.objective, second_chances=terms))


def _read_challengers(workshop: Workshop) -> Challengers | None:
    with session_scope(workshop.database) as session:
        return load_challengers(session, strategy_ids=workshop.strategy_ids, encoder=workshop.encoder.name)


def store_run(
    workshop: Workshop,
    *,
    tasks: Sequence[NewTask],
    plan: RunPlan,
    meta: Mapping[str, Any],
    precedence: Precedence = NO_PRECEDENCE,
) -> int:
    """The id of the stored job, ready to be dispatched."""
    own = {"strategy_file": str(workshop.pool.source.resolve())}
    return run_in_transaction(
        workshop.database,
        lambda session: submit_run(
            session,
            tasks=tasks,
            plan=plan,
            strategy_ids=workshop.strategy_ids,
            meta={**meta, **own},
            precedence=precedence,
        ),
    )
