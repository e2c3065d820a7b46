"""Work that is not started: nothing is reserved for it yet."""

from collections.abc import Mapping

from sqlalchemy import text
from sqlalchemy.orm import Session

_COUNT = text(
    "SELECT coalesce(sum(cardinality(seqs) - started), 0) FROM grp WHERE job_id = :job_id AND state <> 'done'"
)

_COUNT_BY_ENGINE = text("""
    WITH fed AS (
        SELECT DISTINCT strategy.spec ->> 'engine' AS engine
        FROM grp JOIN strategy ON strategy.id = grp.strategy_id
        WHERE grp.window_id = (SELECT max(id) FROM task_window WHERE job_id = :job_id AND state = 'routed')
    ), waiting AS (
        SELECT strategy.spec ->> 'engine' AS engine, sum(cardinality(grp.seqs) - grp.started) AS tasks
        FROM grp JOIN strategy ON strategy.id = grp.strategy_id
        WHERE grp.job_id = :job_id AND grp.state <> 'done' GROUP BY 1
    )
    SELECT engine, coalesce(tasks, 0) AS tasks FROM fed LEFT JOIN waiting USING (engine)
""")


def count_unstarted(session: Session, *, job_id: int) -> int:
    """How many answers of the job are routed and not started: nothing is reserved for them yet."""
    return int(session.execute(_COUNT, {"job_id": job_id}).scalar_one())


def count_unstarted_by_engine(session: Session, *, job_id: int) -> Mapping[str, int]:
    """The same for each engine that the job's latest window gave something to; empty before the first."""
    return {row.engine: int(row.tasks) for row in session.execute(_COUNT_BY_ENGINE, {"job_id": job_id})}
