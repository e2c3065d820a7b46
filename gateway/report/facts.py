"""A job read back from the database: what was predicted, what was chosen, what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from db.budgets import read_budget
from db.jobs import Job, read_job
from db.predictions import iterate_prediction_blocks
from db.progress import read_progress
from db.strategies import StoredStrategy, read_strategies
from db.twins import read_leaders
from gateway.report.routed import RoutedTasks
from gateway.report.task_ends import TaskEnds, read_task_ends
from gateway.report.values import BudgetReport
from worker.objective import Objective
from worker.twins import count_alike


@dataclass(frozen=True, kw_only=True, eq=False)
class JobFacts:
    """Everything a report is made from."""

    job: Job
    budget: BudgetReport
    objective: Objective
    strategies: Sequence[StoredStrategy]
    routed: RoutedTasks
    ends: TaskEnds


def read_job_facts(session: Session, *, job_id: int) -> JobFacts:
    """The facts of a run as they stand now."""
    job = read_job(session, job_id=job_id)
    strategies = read_strategies(session, strategy_ids=job.strategy_ids)
    blocks = [block.predictions for block in iterate_prediction_blocks(session, job_id=job_id)]
    ends, objective = read_task_ends(session, job=job), Objective.from_json(job.objective)
    alike = count_alike(job.task_count, leader_of=read_leaders(session, job_id=job_id))
    cost_quanta = _stack([block.cost for block in blocks], columns=len(strategies))
    return JobFacts(
        job=job,
        budget=_read_own_budget(session, job=job, objective=objective),
        objective=objective,
        strategies=strategies,
        routed=RoutedTasks(
            names=tuple(strategy.name for strategy in strategies),
            descriptions=tuple(describe_spec(strategy) for strategy in strategies),
            accuracy=_stack([block.accuracy for block in blocks], columns=len(strategies)),
            cost_quanta=np.where(alike[:, None] > 0, cost_quanta, 0.0 * cost_quanta),
            alike=alike,
            choice=ends.choice,
            answered=ends.answered,
            paid_quanta=ends.paid_quanta,
            grade=ends.grade,
        ),
        ends=ends,
    )


def _read_own_budget(session: Session, *, job: Job, objective: Objective) -> BudgetReport:
    """What the job itself used; of a shared budget, under what was left of that when the job was submitted."""
    progress, budget = read_progress(session, job_id=job.id), read_budget(session, budget_id=job.budget_id)
    return BudgetReport(
        unit=objective.unit,
        cap_quanta=objective.cap if budget.shared else budget.cap,
        spent_quanta=progress.spent,
        reserved_quanta=progress.reserved,
        burned_quanta=progress.burned,
        overrun_quanta=progress.overrun,
    )


def describe_spec(strategy: StoredStrategy) -> str:
    """The engine and the decoding method with its numbers."""
    decoding = strategy.spec["decoding"]
    numbers = [f"{name} {value}" for name, value in decoding.items() if isinstance(value, int | float)]
    return ", ".join([str(strategy.spec["engine"]), str(decoding["method"]).replace("_", " "), *numbers])


def _stack(blocks: Sequence[NDArray[np.floating]], *, columns: int) -> NDArray[np.floating]:
    return np.concatenate(blocks) if blocks else np.empty((0, columns))
