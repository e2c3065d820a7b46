"""A bounded look at a run: what was predicted for some of its tasks, spread evenly over it, and what came of them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from db.arrays import among
from db.jobs import Job
from db.tables import TwinRow
from db.tables.base import write_numbers

RUN_TASKS = 32  # consecutive tasks, which share the pages that hold them
RUNS = 64  # so many runs of a job that has more tasks

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class SampledTasks:
    """Arrays over n tasks in the job's order and s strategies, in the order of the job's."""

    seq: NDArray[np.int64]  # (n,)
    accuracy: Floats  # (n, s) predicted; NaN = not eligible
    cost: Floats  # (n, s) predicted quanta; NaN = not eligible
    alike: NDArray[np.int64]  # (n,) how many tasks are answered with each one; 0 = a twin
    choice: NDArray[np.int64]  # (n,) the column of the strategy that answered; -1 = no outcome
    paid: Floats  # (n,) quanta
    grade: Floats  # (n,) 0..1; NaN = no grade
    seconds: Floats  # (n,) how long the answer took; NaN = not known
    failed: NDArray[np.bool_]  # (n,) the outcome is an error

    @property
    def share(self) -> float:
        """How many tasks of the sample stand for what its rows ask: 1 where nothing is asked twice."""
        return float(self.alike.sum()) / max(1, len(self.alike))


# Only the pieces of the arrays that are asked for leave the server.
_READ_PREDICTED = text("""
    SELECT run.first, hi - run.first AS tasks,
           substring(accuracy FROM 1 + 4 * :columns * (run.first - lo) FOR 4 * :columns * :run_tasks) AS accuracy,
           substring(cost FROM 1 + 8 * :columns * (run.first - lo) FOR 8 * :columns * :run_tasks) AS cost
    FROM unnest(CAST(:firsts AS int[])) AS run (first)
    JOIN prediction_block ON job_id = :job_id AND lo <= run.first AND hi > run.first
    ORDER BY run.first
""")

_READ_OUTCOMES = text("""
    SELECT ended.* FROM unnest(CAST(:firsts AS int[])) AS run (first) CROSS JOIN LATERAL (
        SELECT seq, strategy_id, cost::float8 AS cost, correct, latency_seconds, error_code IS NOT NULL AS failed
        FROM outcome WHERE job_id = :job_id AND seq >= run.first AND seq < run.first + :run_tasks AND arm = 0 OFFSET 0
    ) AS ended
""")


def sample_run(session: Session, *, job: Job, runs: int = RUNS) -> SampledTasks:
    """Some 2,000 tasks of a run, or all of a smaller one; in a time that does not grow with the job."""
    firsts = _spread(job.task_count, runs=runs)
    asked = {"job_id": job.id, "firsts": write_numbers(firsts), "run_tasks": RUN_TASKS}
    seqs, accuracy, cost = _read_predicted(session, asked=asked, columns=len(job.strategy_ids))
    place = {seq: row for row, seq in enumerate(seqs.tolist())}
    column_of = {strategy_id: column for column, strategy_id in enumerate(job.strategy_ids)}
    choice, failed = np.full(len(seqs), -1), np.zeros(len(seqs), dtype=bool)
    paid, grade, seconds = np.zeros(len(seqs)), np.full(len(seqs), np.nan), np.full(len(seqs), np.nan)
    for row in session.execute(_READ_OUTCOMES, asked):
        if (at := place.get(row.seq)) is None:
            continue
        choice[at], paid[at], failed[at] = column_of[row.strategy_id], row.cost, row.failed
        grade[at] = np.nan if row.correct is None else row.correct
        seconds[at] = np.nan if row.latency_seconds is None else row.latency_seconds
    return SampledTasks(
        seq=seqs,
        accuracy=accuracy,
        cost=cost,
        alike=_count_alike(session, job=job, seqs=seqs),
        choice=choice,
        paid=paid,
        grade=grade,
        seconds=seconds,
        failed=failed,
    )


def _spread(task_count: int, *, runs: int) -> list[int]:
    """Where the runs begin; they never overlap."""
    cells = -(-task_count // RUN_TASKS)
    if cells <= runs:
        return [cell * RUN_TASKS for cell in range(cells)]
    return [int(cell) * RUN_TASKS for cell in np.linspace(0, cells - 1, runs).round()]


def _read_predicted(
    session: Session, *, asked: Mapping[str, object], columns: int
) -> tuple[NDArray[np.int64], Floats, Floats]:
    seqs, accuracies, costs = [np.empty(0, np.int64)], [np.empty((0, columns))], [np.empty((0, columns))]
    for row in session.execute(_READ_PREDICTED, {**asked, "columns": columns}):
        accuracy = np.frombuffer(row.accuracy, "<f4").reshape(-1, columns)
        seqs.append(np.arange(row.first, row.first + len(accuracy)))
        accuracies.append(accuracy.astype(np.float64))
        costs.append(np.frombuffer(row.cost, "<f8").reshape(-1, columns))
    return np.concatenate(seqs), np.concatenate(accuracies), np.concatenate(costs)


def _count_alike(session: Session, *, job: Job, seqs: NDArray[np.int64]) -> NDArray[np.int64]:
    alike = np.ones(len(seqs), dtype=np.int64)
    if not job.twins:
        return alike
    twins = select(TwinRow.seq).where(TwinRow.job_id == job.id, among(TwinRow.seq, seqs.tolist()))
    alike[np.isin(seqs, session.execute(twins).scalars().all())] = 0
    followers = select(TwinRow.leader_seq, func.count()).where(TwinRow.job_id == job.id)
    followers = followers.where(among(TwinRow.leader_seq, seqs.tolist())).group_by(TwinRow.leader_seq)
    for leader, count in session.execute(followers):
        alike[np.searchsorted(seqs, leader)] += count
    return alike
