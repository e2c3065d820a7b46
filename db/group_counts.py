"""What each strategy did in each window of a job, from the counts that groups keep."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.tables.base import Quanta


@dataclass(frozen=True, kw_only=True)
class GroupCount:
    """The groups of one strategy in one window."""

    window_id: int
    strategy_id: int
    answered: int  # with an outcome, twins included
    errors: int
    graded: int
    correct: float  # sum over graded outcomes
    predicted_cost: int  # of the groups that are done
    finished_at: datetime | None  # of the latest group that is done


_COUNT = text("""
    SELECT window_id, strategy_id, sum(answered)::int AS answered, sum(errors)::int AS errors,
           sum(graded)::int AS graded, sum(correct)::float8 AS correct,
           coalesce(sum(predicted_cost) FILTER (WHERE state = 'done'), 0) AS predicted_cost,
           max(finished_at) AS finished_at
    FROM grp WHERE job_id = :job_id GROUP BY window_id, strategy_id ORDER BY window_id, strategy_id
""").columns(predicted_cost=Quanta)


def count_groups(session: Session, *, job_id: int) -> list[GroupCount]:
    """In the order of the windows, without a look at a single outcome."""
    return [GroupCount(**row._mapping) for row in session.execute(_COUNT, {"job_id": job_id})]
