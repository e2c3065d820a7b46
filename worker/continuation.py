"""A completed job is continued: what its budget did not reach becomes a job of its own, on what the budget has now."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Engine as Database
from sqlalchemy.orm import Session

from db.budgets import Budget, read_budget
from db.continuations import find_continuation, list_unreached
from db.jobs import Job, lock_job, read_outlines
from db.predictions import Predictions, read_prediction_blocks, read_predictions
from db.session import run_in_transaction
from db.shared_budgets import find_shared_budget
from db.states import JobKind, JobState
from db.tasks import NewTask, read_tasks
from router.units import Amount, Unit, format_amount
from worker.bootstrap import read_known_job
from worker.errors import BudgetTooSmall
from worker.least_worst import find_least_worst
from worker.objective import Objective, sum_totals
from worker.precedence import Precedence
from worker.prediction_rows import take_rows
from worker.submission import RunPlan, submit_run
from worker.twins import count_alike, find_twins

CONTINUED = "continued"  # the folder of a continuation's files, in that of the job before


def find_latest(database: Database, *, job_id: int) -> Job:
    """The job itself, or the last of those that continue it; made now where its budget did not reach every task.

    BudgetTooSmall when the budget has nothing more for any of them.
    """
    job = read_known_job(database, job_id=job_id)
    while job.kind is JobKind.RUN and job.state is JobState.COMPLETED:
        later = run_in_transaction(database, partial(_continue, job_id=job.id))
        if later is None:
            break
        job = read_known_job(database, job_id=later)
    return job


def _continue(session: Session, *, job_id: int) -> int | None:
    """The job that continues this one; None when nothing is left to continue."""
    job = lock_job(session, job_id=job_id)  # whoever comes second finds what the first one made
    later = find_continuation(session, job_id=job_id)
    if later is not None:
        return later
    seqs = list_unreached(session, job_id=job_id)
    return _submit(session, job=job, seqs=seqs) if seqs else None


def _submit(session: Session, *, job: Job, seqs: list[int]) -> int:
    budget, predictions = _find_budget(session, job), read_predictions(session, job_id=job.id, seqs=seqs)
    _require_some(budget, predictions, job=job)
    stored = read_tasks(session, job_id=job.id, seqs=seqs)
    tasks = [NewTask(custom_id=task.custom_id, payload=task.payload) for task in stored]
    leader_of = find_twins(tasks)
    outlines = read_outlines(session, job_ids=[job.id])
    (first, *_) = read_prediction_blocks(session, job_id=job.id, lo=0, hi=1)
    asked = take_rows(predictions, count_alike(len(tasks), leader_of=leader_of) > 0)
    plan = RunPlan(
        objective=replace(Objective.from_json(job.objective), cap=_count_free(budget)),
        totals=sum_totals(asked),
        predictions=predictions,
        version_ids=tuple(first.predictor_version_ids),
        encoder=job.encoder,
        encoding_seconds=0.0,
        planning_seconds=0.0,
        leader_of=leader_of,
        budget_id=budget.id,
        outline=outlines.get(job.id),
    )
    return submit_run(
        session,
        tasks=tasks,
        plan=plan,
        strategy_ids=job.strategy_ids,
        meta=_inherit(job),
        precedence=Precedence(priority=job.priority),
        continues_job_id=job.id,
    )


def _find_budget(session: Session, job: Job) -> Budget:
    """The job's budget; a shared one in its present period."""
    budget = read_budget(session, budget_id=job.budget_id)
    if not budget.shared:
        return budget
    present = find_shared_budget(session, tenant_id=budget.tenant_id, name=budget.name)
    assert present is not None
    return present


def _require_some(budget: Budget, predictions: Predictions, *, job: Job) -> None:
    least, free = int(np.min(find_least_worst(predictions))), _count_free(budget)
    if free >= least:
        return
    has, needs, missing = (
        format_amount(Amount(unit=Unit(budget.unit), quanta=quanta), round_up=up)
        for quanta, up in ((max(0, free), False), (least, True), (least - free, True))
    )
    named = budget.name if budget.shared else job.id
    raise BudgetTooSmall(
        f"job {job.id} is completed, and its budget did not reach {len(predictions.cost):,} tasks: it has {has} left, "
        f"the least of them needs {needs} at worst. "
        f'`apportion budgets raise {named} "{missing}"` or more, then continue; '
        f"`apportion report {job.id}` shows what was answered",
        cap=free,
        smallest_feasible=least,
    )


def _count_free(budget: Budget) -> int:
    return (budget.left or 0) - (budget.kept or 0)


def _inherit(job: Job) -> dict[str, Any]:
    """What a continuation keeps of the job before; its files go into a folder of that one's, and replace none."""
    kept = {name: job.meta[name] for name in ("job_file", "strategy_file") if name in job.meta}
    return kept | ({"out": str(Path(job.meta["out"]) / CONTINUED)} if "out" in job.meta else {})
