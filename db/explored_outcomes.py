"""Labelled answers of tasks that were drawn by known chances: what other policies can be judged by."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.states import LabelSource


@dataclass(frozen=True, kw_only=True)
class ExploredOutcome:
    """One of them."""

    seq: int
    strategy_id: int
    correct: float  # 0..1
    cost: float  # quanta
    window_id: int
    payload: str


_LIST_JOBS = text("""
    SELECT job.id FROM job
    WHERE job.strategy_ids = CAST(:strategy_ids AS bigint[])
      AND EXISTS (SELECT FROM exploration WHERE exploration.job_id = job.id)
    ORDER BY job.id DESC LIMIT :most
""")

_READ = text("""
    SELECT outcome.seq, outcome.strategy_id, coalesce(said.correct, outcome.correct) AS correct,
           outcome.cost::float8 AS cost, grp.window_id, task.payload
    FROM outcome
    JOIN grp ON grp.id = outcome.grp_id
    JOIN exploration ON exploration.window_id = grp.window_id
    JOIN task ON task.job_id = outcome.job_id AND task.seq = outcome.seq
    LEFT JOIN LATERAL (
        SELECT correct FROM label
        WHERE label.job_id = outcome.job_id AND label.seq = outcome.seq AND label.arm = outcome.arm
        ORDER BY array_position(CAST(:sources AS text[]), label.source), label.id DESC LIMIT 1
    ) AS said ON true
    WHERE outcome.job_id = :job_id AND outcome.arm = 0 AND outcome.propensity IS NOT NULL
      AND outcome.error_code IS NULL AND coalesce(said.correct, outcome.correct) IS NOT NULL
    ORDER BY outcome.seq DESC LIMIT :most
""")


def list_explored_jobs(session: Session, *, strategy_ids: Sequence[int], most: int) -> list[int]:
    """The latest jobs with exactly these strategies that explored."""
    asked = {"strategy_ids": list(strategy_ids), "most": most}
    return list(session.execute(_LIST_JOBS, asked).scalars())


def read_explored_outcomes(session: Session, *, job_id: int, most: int) -> list[ExploredOutcome]:
    """The job's last ones; an answer without a label, or whose chance is not known, leaves every estimate."""
    rows = session.execute(_READ, {"job_id": job_id, "most": most, "sources": list(LabelSource)})
    return [ExploredOutcome(**row._mapping) for row in rows]
