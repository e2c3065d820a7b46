"""The planner: a batch that is validating becomes a job, or fails with everything that is wrong with it."""

import logging
from collections.abc import Iterable
from dataclasses import asdict
from functools import partial
from typing import Any

from sqlalchemy.orm import Session

from db.batches import Batch, move_batch
from db.files import read_file
from db.session import run_in_transaction, session_scope
from db.states import BatchStatus
from gateway.batch_asked import Asked
from gateway.desk.input_file import LineProblem, check_input_file, read_tasks
from gateway.file_store import FileStore
from gateway.joblines import name_models
from router.errors import InfeasibleTarget
from worker.bootstrap import Workshop
from worker.errors import BudgetTooSmall, BudgetUnusable, NoSuchBudget, NothingServes, UntrainedStrategies
from worker.planning import plan_tasks, read_predictors
from worker.precedence import Precedence
from worker.producer import ring_once
from worker.queues import ROUTER
from worker.shared_budgets import draw_on
from worker.strategy_life import keep_in_service
from worker.submission import submit_run

logger = logging.getLogger(__name__)

# What the person who asked can change, by the code under which it is told.
REFUSALS: dict[type[Exception], tuple[str, str]] = {
    BudgetTooSmall: ("budget_too_small", "budget"),
    BudgetUnusable: ("budget_unusable", "budget"),
    NoSuchBudget: ("no_such_budget", "budget"),
    InfeasibleTarget: ("infeasible_target", "objective"),
    UntrainedStrategies: ("untrained_strategies", "strategies"),
    NothingServes: ("nothing_serves", "strategies"),
}


class _Overtaken(Exception):
    """The batch was cancelled while it was planned: nothing of it is stored."""


class Planner:
    """Reads files and plans; takes minutes for large ones."""

    def __init__(self, workshop: Workshop, files: FileStore) -> None:
        self._workshop, self._files = workshop, files

    def plan(self, batch: Batch) -> None:
        """Bring a validating batch to its next status."""
        problems = self._check(batch)
        if problems:
            self._fail(batch, problems)
            return
        try:
            self._submit(batch)
        except _Overtaken:
            logger.info("cancelled before it was planned")
        except tuple(REFUSALS) as error:
            code, param = next(told for kind, told in REFUSALS.items() if isinstance(error, kind))
            self._fail(batch, [LineProblem(code=code, line=None, message=str(error), param=param)])

    def _check(self, batch: Batch) -> list[LineProblem]:
        """What is wrong with its file."""
        path = self._files.path_of(batch.input_file_id)
        with session_scope(self._workshop.database) as session:
            file = read_file(session, tenant_id=batch.tenant_id, file_id=batch.input_file_id)
        if file is None or not path.exists():
            message = f"the input file {batch.input_file_id} is gone: it was deleted, or it expired"
            return [LineProblem(code="file_gone", line=None, message=message, param="input_file_id")]
        checked = check_input_file(
            path,
            endpoint=batch.endpoint,
            models=name_models([priced.strategy for priced in self._kept(batch).pool.strategies]),
            max_lines=self._workshop.settings.max_batch_lines,
        )
        hidden = checked.problem_count - len(checked.problems)
        more = LineProblem(code="more_problems", line=None, message=f"and {hidden:,} more problems", param=None)
        return [*checked.problems, *([more] if hidden > 0 else [])]

    def _submit(self, batch: Batch) -> None:
        asked, workshop = Asked.from_json(batch.asked), keep_in_service(self._kept(batch))
        predictors = read_predictors(workshop)
        request = draw_on(workshop.database, asked.request(), pool=workshop.pool, tenant_id=batch.tenant_id)
        tasks = list(read_tasks(self._files.path_of(batch.input_file_id)))
        workshop.load_models()
        plan = plan_tasks(workshop, tasks=tasks, request=request, predictors=predictors)

        def store(session: Session) -> int:
            job_id = submit_run(
                session,
                tasks=tasks,
                plan=plan,
                strategy_ids=workshop.strategy_ids,
                meta={"batch": batch.id, "job_file": batch.id, "strategy_file": str(workshop.pool.source.resolve())},
                precedence=Precedence(priority=asked.priority, deadline=batch.expires_at),
                tenant_id=batch.tenant_id,
            )
            if not move_batch(session, batch_id=batch.id, to=BatchStatus.IN_PROGRESS, job_id=job_id):
                raise _Overtaken
            return job_id

        job_id = run_in_transaction(workshop.database, store)
        logger.info("job %d: %d requests", job_id, len(tasks))
        if workshop.settings.has_workers:
            ring_once(workshop.settings, ROUTER)

    def _kept(self, batch: Batch) -> Workshop:
        """The workshop with the strategies that the batch allows."""
        allowed = Asked.from_json(batch.asked).strategies
        if allowed is None:
            return self._workshop
        return self._workshop.keep(
            [position for position, name in enumerate(self._workshop.pool.names) if name in allowed]
        )

    def _fail(self, batch: Batch, problems: Iterable[LineProblem]) -> None:
        errors = [asdict(problem) for problem in problems]
        self._move(batch, to=BatchStatus.FAILED, errors=errors)
        logger.info("failed: %s", errors[0]["message"])

    def _move(self, batch: Batch, *, to: BatchStatus, **values: Any) -> None:
        run_in_transaction(self._workshop.database, partial(move_batch, batch_id=batch.id, to=to, **values))
