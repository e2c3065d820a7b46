"""Our engine worker in the engines' bench: a real station with a router and one engine, on a Postgres of its own."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Engine as Database
from sqlalchemy import create_engine, text

from bench.engine_bare import Rate
from bench.engine_prompts import write_tasks
from db.invariants import find_violations
from db.jobs import read_job
from db.predictions import Predictions
from db.session import run_in_transaction, session_scope
from router.units import Unit
from worker.forecast import measure_demand, price_worst
from worker.objective import Mode, Objective, sum_totals
from worker.pool import ServingPool, load_pool, register_pool
from worker.queues import ROUTER, engine_queue
from worker.settings import Settings
from worker.station import Station
from worker.station_bootstrap import open_station
from worker.submission import TENANT, RunPlan, submit_run
from worker.task_line import parse_task_line

ENGINE = "small"
LOOK_SECONDS = 0.05
PATIENCE_SECONDS = 600.0


class Settled(NamedTuple):
    """A job that our worker answered."""

    rate: Rate  # from the first reservation to the last settlement
    answered_at: Sequence[float]  # when each answer was settled, in seconds since the epoch, in order
    lost: int  # executions that gave no answer


class EngineWorker:
    """Answers jobs, one after the other."""

    def __init__(self, database: Database, *, pool: ServingPool) -> None:
        self._database = database
        self._pool = pool
        self.station: Station | None = None

    def ring(self, queue: str) -> None:
        """Where a broker would be, roles of one process wake each other."""
        if self.station is not None:
            self.station.wake(queue)

    def answer(self, questions: Sequence[str]) -> Settled:
        """What it did with a job of these questions."""
        job_id = self.submit(questions)
        self.wait_for(job_id)
        return self.look_back(job_id)

    def submit(self, questions: Sequence[str]) -> int:
        """A job, as a producer stores it; its predictions are made up, its worst cases are right."""
        tasks, plan = write_tasks(questions), self._plan(questions)
        job_id = run_in_transaction(self._database, lambda session: self._store(session, tasks, plan))
        self.ring(ROUTER)
        return job_id

    def wait_for(self, job_id: int) -> None:
        """Until each task is answered."""
        with session_scope(self._database) as session:
            wanted = read_job(session, job_id=job_id).task_count
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.count_answers(job_id) < wanted:
            assert time.monotonic() < deadline, f"job {job_id} is not answered within {PATIENCE_SECONDS:.0f} s"
            time.sleep(LOOK_SECONDS)

    def count_answers(self, job_id: int) -> int:
        """So far."""
        return int(self._ask("SELECT count(*) FROM outcome WHERE job_id = :job_id", job_id)[0][0])

    def look_back(self, job_id: int) -> Settled:
        """What the database says of an answered job; fails where an answer is missing or the books are wrong."""
        with session_scope(self._database) as session:
            assert not find_violations(session)
        rows = self._ask(_OUTCOMES, job_id)
        assert all(row.error_code is None for row in rows), [row for row in rows if row.error_code][:3]
        (began,), (lost,) = self._ask(_BEGAN, job_id)[0], self._ask(_LOST, job_id)[0]
        rate = Rate(rows[-1].at - began, sum(row.prompt_tokens for row in rows), sum(row.output_tokens for row in rows))
        return Settled(rate, [row.at for row in rows], lost)

    def _plan(self, questions: Sequence[str]) -> RunPlan:
        lines = [parse_task_line(task.payload) for task in write_tasks(questions)]
        demand = measure_demand(lines, self._pool.strategies)
        worst = price_worst(demand, strategies=self._pool.strategies, unit=Unit.TOKENS)
        accuracy = np.full(worst.shape, 0.5, dtype=np.float32)
        predictions = Predictions(accuracy=accuracy, cost=worst, worst_cost=worst, prompt_tokens=demand.prompt_tokens)
        cap = int(2 * worst.sum())
        return RunPlan(
            objective=Objective(mode=Mode.BUDGET, unit=Unit.TOKENS, stated=f"{cap} tokens", cap=cap),
            totals=sum_totals(predictions),
            predictions=predictions,
            version_ids=(),
            encoder="none",
            encoding_seconds=0.0,
            planning_seconds=0.0,
        )

    def _store(self, session: Any, tasks: Sequence[Any], plan: RunPlan) -> int:
        ids = register_pool(session, tenant_id=TENANT, pool=self._pool)
        return submit_run(session, tasks=tasks, plan=plan, strategy_ids=ids, meta={})

    def _ask(self, query: str, job_id: int) -> Sequence[Any]:
        with self._database.connect() as connection:
            return connection.execute(text(query), {"job_id": job_id}).all()


_OUTCOMES = """
    SELECT error_code, prompt_tokens, output_tokens, extract(epoch FROM created_at)::float8 AS at
    FROM outcome WHERE job_id = :job_id ORDER BY created_at
"""
_BEGAN = """
    SELECT min(extract(epoch FROM ledger_entry.created_at))::float8
    FROM ledger_entry JOIN grp ON grp.id = ledger_entry.grp_id WHERE grp.job_id = :job_id
"""
_LOST = "SELECT count(*) FROM attempt WHERE job_id = :job_id"


@contextmanager
def open_worker(strategy_file: Path, *, server_url: str, folder: Path, cache: Path) -> Iterator[EngineWorker]:
    """A station of router and engine, for as long as the block lasts; its first job waits for the engine."""
    settings = Settings(
        database_url=server_url, strategies=strategy_file, data_directory=folder / "unused", cache_directory=cache
    )
    database = create_engine(server_url)
    own = EngineWorker(database, pool=load_pool(strategy_file, cache_directory=cache))
    queues = [ROUTER, engine_queue(ENGINE)]
    try:
        with open_station(settings, queues=queues, send_ring=own.ring, on_failed=_fail) as station:
            own.station = station
            yield own
    finally:
        database.dispose()


def _fail() -> None:
    raise AssertionError("a role ended: its error is logged above")
