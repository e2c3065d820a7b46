"""How many answers of a job are given, and how many of them are right."""

from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session


class OutcomeCounts(NamedTuple):
    """Counts over the outcomes of a job."""

    outcomes: int
    errors: int  # outcomes with an error code
    graded: int
    correct: float  # sum over graded outcomes


# Groups know their counts; only what was imported from a recording has no group.
_READ = text("""
    SELECT sum(outcomes)::int AS outcomes, sum(errors)::int AS errors, sum(graded)::int AS graded,
           sum(correct)::float8 AS correct
    FROM (
        SELECT coalesce(sum(answered), 0) AS outcomes, coalesce(sum(errors), 0) AS errors,
               coalesce(sum(graded), 0) AS graded, coalesce(sum(correct), 0) AS correct
        FROM grp WHERE job_id = :job_id
        UNION ALL
        SELECT count(*), count(error_code), count(correct), coalesce(sum(correct), 0)
        FROM outcome WHERE job_id = :job_id AND grp_id IS NULL AND source = 'recording'
    ) AS counted
""")


def read_outcome_counts(session: Session, *, job_id: int) -> OutcomeCounts:
    """The counts as of now, without a look at a single outcome of a group: a million of them take a while."""
    return OutcomeCounts(**session.execute(_READ, {"job_id": job_id}).one()._mapping)
