"""A job read back from the database: what was predicted, what was chosen, what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from db.budgets import Budget, read_budget
from db.jobs import Job, read_job
from db.predictions import iterate_prediction_blocks
from db.results import TaskResult, iterate_results
from db.strategies import StoredStrategy, read_strategies
from gateway.report.routed import RoutedTasks
from worker.objective import Objective

KEPT_CHARACTERS = 400  # of each answer


@dataclass(frozen=True, kw_only=True, eq=False)
class JobFacts:
    """Everything a report is made from; sequences have one entry a task, in the job's order."""

    job: Job
    budget: Budget
    objective: Objective
    strategies: Sequence[StoredStrategy]
    routed: RoutedTasks
    custom_ids: Sequence[str]
    answers: Sequence[str]  # cut short; or why there is none
    failed: int
    unserved: int


def read_job_facts(session: Session, *, job_id: int) -> JobFacts:
    """The facts of a run as they stand now."""
    job = read_job(session, job_id=job_id)
    strategies = read_strategies(session, strategy_ids=job.strategy_ids)
    blocks = [block.predictions for block in iterate_prediction_blocks(session, job_id=job_id)]
    column_of = {strategy_id: column for column, strategy_id in enumerate(job.strategy_ids)}
    choice = np.full(job.task_count, -1, dtype=np.int64)
    grade = np.full(job.task_count, np.nan)
    paid, custom_ids, answers = [0] * job.task_count, [""] * job.task_count, [""] * job.task_count
    failed = unserved = 0
    for result in iterate_results(session, job_id=job_id):
        custom_ids[result.seq], answers[result.seq] = result.custom_id, describe_answer(result)[:KEPT_CHARACTERS]
        if result.outcome is None:
            unserved += 1
            continue
        failed += result.outcome.error_code is not None
        choice[result.seq] = column_of[result.outcome.strategy_id]
        paid[result.seq] = result.outcome.cost
        grade[result.seq] = np.nan if result.outcome.correct is None else result.outcome.correct
    return JobFacts(
        job=job,
        budget=read_budget(session, budget_id=job.budget_id),
        objective=Objective.from_json(job.objective),
        strategies=strategies,
        routed=RoutedTasks(
            names=tuple(strategy.name for strategy in strategies),
            descriptions=tuple(describe_spec(strategy) for strategy in strategies),
            accuracy=_stack([block.accuracy for block in blocks], columns=len(strategies)),
            cost_quanta=_stack([block.cost for block in blocks], columns=len(strategies)),
            choice=choice,
            paid_quanta=paid,
            grade=grade,
        ),
        custom_ids=custom_ids,
        answers=answers,
        failed=failed,
        unserved=unserved,
    )


def describe_answer(result: TaskResult) -> str:
    """The answer, or why there is none."""
    if result.outcome is None:
        return result.reason.replace("_", " ") if result.reason else "under way"
    return result.outcome.error_message or result.outcome.answer


def describe_spec(strategy: StoredStrategy) -> str:
    """The engine and the decoding method with its numbers."""
    decoding = strategy.spec["decoding"]
    numbers = [f"{name} {value}" for name, value in decoding.items() if isinstance(value, int | float)]
    return ", ".join([str(strategy.spec["engine"]), str(decoding["method"]).replace("_", " "), *numbers])


def _stack(blocks: Sequence[NDArray[np.floating]], *, columns: int) -> NDArray[np.floating]:
    return np.concatenate(blocks) if blocks else np.empty((0, columns))
