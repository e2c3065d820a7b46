"""What second chances came to: task by task, and counted."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.tables.base import Quanta


class SecondChance(NamedTuple):
    """A task whose first answer was invalid."""

    seq: int
    failure: str
    first_strategy_id: int
    first_cost: int  # quanta
    second_strategy_id: int | None  # None: it was not asked again, or not yet
    second_cost: int  # quanta, with what failed executions were charged
    is_first_final: bool | None  # None: neither is final yet


@dataclass(frozen=True, kw_only=True)
class FailureCount:
    """The tasks with one kind of invalid first answer; twins are not counted."""

    failure: str
    tasks: int
    asked: int  # once more
    replaced: int  # by their second answer
    cost: int  # quanta, of asking once more
    graded: int  # of those replaced
    right_before: float  # of those, by their first answer
    right_after: float  # of those, by their second answer


# A task's later groups have higher numbers.
_EACH = """
    SELECT kept.seq, kept.failure, kept.strategy_id AS first_strategy_id, kept.cost AS first_cost,
           coalesce(later.strategy_id, CASE WHEN final.grp_id <> kept.grp_id THEN final.strategy_id END)
               AS second_strategy_id,
           coalesce(later.cost, 0) + CASE WHEN final.grp_id <> kept.grp_id THEN final.cost ELSE 0 END AS second_cost,
           final.grp_id = kept.grp_id AS is_first_final, kept.correct AS correct_before, final.correct AS correct_after
    FROM kept_answer AS kept
    LEFT JOIN outcome AS final ON final.job_id = kept.job_id AND final.seq = kept.seq AND final.arm = kept.arm
    LEFT JOIN LATERAL (
        SELECT sum(attempt.cost) AS cost,
               max(grp.strategy_id) FILTER (WHERE error_code = 'second_answer_invalid') AS strategy_id
        FROM attempt JOIN grp ON grp.id = attempt.grp_id
        WHERE attempt.job_id = kept.job_id AND attempt.seq = kept.seq AND attempt.grp_id > kept.grp_id
    ) AS later ON true
    WHERE kept.job_id = :job_id AND kept.grp_id IS NOT NULL
"""
_READ = text(
    f"{_EACH} AND kept.seq >= :lo AND kept.seq < coalesce(CAST(:hi AS int), 2147483647) ORDER BY kept.seq"
).columns(first_cost=Quanta, second_cost=Quanta)
_COUNT = text(f"""
    SELECT failure, count(*)::int AS tasks, count(second_strategy_id)::int AS asked,
           (count(*) FILTER (WHERE NOT is_first_final))::int AS replaced, sum(second_cost) AS cost,
           (count(*) FILTER (WHERE is_graded))::int AS graded,
           coalesce(sum(correct_before) FILTER (WHERE is_graded), 0)::float8 AS right_before,
           coalesce(sum(correct_after) FILTER (WHERE is_graded), 0)::float8 AS right_after
    FROM (SELECT each.*, NOT is_first_final AND num_nulls(correct_before, correct_after) = 0 AS is_graded
          FROM ({_EACH}) AS each) AS told
    GROUP BY failure ORDER BY failure
""").columns(cost=Quanta)  # noqa: S608 - made of a query of our own


def iterate_second_chances(
    session: Session, *, job_id: int, lo: int = 0, hi: int | None = None
) -> Iterator[SecondChance]:
    """Those of the job's tasks lo..hi-1, in order; without `hi` to the last."""
    for row in session.execute(_READ, {"job_id": job_id, "lo": lo, "hi": hi}):
        yield SecondChance(*(getattr(row, name) for name in SecondChance._fields))


def count_second_chances(session: Session, *, job_id: int) -> list[FailureCount]:
    """The counts as of now, by what was wrong with the first answers."""
    return [FailureCount(**row._mapping) for row in session.execute(_COUNT, {"job_id": job_id})]
