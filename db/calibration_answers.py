"""What strategies answered to the same tasks, as they wrote it: what a failure of one says of the others."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session


class CalibrationAnswer(NamedTuple):
    """One strategy's answer to a task that all were asked."""

    job_id: int
    seq: int
    strategy_id: int  # as asked for: a version that answers alike may have given it
    answer: str
    response: dict[str, Any]
    correct: float | None


# The latest tasks; their outcomes by the primary key. Versions with the same spec hash answer alike.
_READ = text("""
    WITH alike AS (
        SELECT wanted.id AS wanted_id, same.id FROM strategy AS wanted
        JOIN strategy AS same ON same.tenant_id = wanted.tenant_id AND same.spec_hash = wanted.spec_hash
        WHERE wanted.id = ANY (CAST(:strategy_ids AS bigint[]))
    ), asked AS (
        SELECT job_id, seq FROM job JOIN task ON task.job_id = job.id
        WHERE job.kind = 'calibration' AND job.strategy_ids && ARRAY(SELECT id FROM alike)
        ORDER BY job_id DESC, seq DESC LIMIT :most
    )
    SELECT asked.job_id, asked.seq, alike.wanted_id AS strategy_id, answer, response, correct
    FROM asked CROSS JOIN alike
    JOIN outcome ON outcome.job_id = asked.job_id AND outcome.seq = asked.seq AND outcome.arm = alike.id
    WHERE outcome.source <> 'twin' AND outcome.error_code IS NULL
    ORDER BY asked.job_id, asked.seq
""")


def read_calibration_answers(
    session: Session, *, strategy_ids: Sequence[int], most_tasks: int
) -> list[CalibrationAnswer]:
    """The answers of these strategies to the latest tasks of calibrations, by task."""
    rows = session.execute(_READ, {"strategy_ids": list(strategy_ids), "most": most_tasks})
    return [CalibrationAnswer(*row) for row in rows]
