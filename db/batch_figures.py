"""A batch's figures while its job runs, in one statement, from counts that groups keep: more tasks cost no more."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session
from sqlalchemy.types import Boolean, Float, Integer, Text

from db.tables.base import Quanta


@dataclass(frozen=True, kw_only=True)
class JobFigures:
    """Counts over a job's tasks, and its own part of its budget in quanta of the unit."""

    total: int
    answered: int
    errors: int  # answered with an error
    given_up: int  # tasks that will have no outcome
    skipped_budget: int  # of these, for want of money
    graded: int
    correct: float
    mix: Mapping[str, int]  # answered, by strategy
    shadow_price: float | None  # right answers per quantum, as of the last window that has a price
    unit: str
    spent: int
    burned: int
    reserved: int
    overrun: int
    paused: bool


# Of a budget that a job has to itself, its use is the budget's own; else its entries have to be summed.
_READ = text("""
    WITH own AS (
        SELECT job.id, job.task_count, job.paused, budget.unit, budget.shared, budget.spent, budget.burned,
               budget.reserved, budget.overrun
        FROM job JOIN budget ON budget.id = job.budget_id WHERE job.id = :job_id
    ), shares AS (
        SELECT strategy_id, sum(answered)::int AS answered, sum(errors)::int AS errors, sum(graded)::int AS graded,
               sum(correct)::float8 AS correct
        FROM grp WHERE job_id = :job_id GROUP BY strategy_id
    ), entries AS (
        SELECT coalesce(sum(spent_delta), 0) AS spent, coalesce(sum(burned_delta), 0) AS burned,
               coalesce(sum(reserved_delta), 0) AS reserved, coalesce(sum(overrun_delta), 0) AS overrun
        FROM ledger_entry WHERE job_id = :job_id AND (SELECT shared FROM own)
    ), left_out AS (
        SELECT count(*) AS given_up, count(*) FILTER (WHERE reason = 'budget_exhausted') AS skipped_budget
        FROM requeue WHERE job_id = :job_id AND routed_at IS NULL
          AND reason IN ('budget_exhausted', 'not_eligible', 'cancelled')
    )
    SELECT own.task_count AS total, own.unit, own.paused, left_out.*,
           (SELECT coalesce(sum(answered), 0)::int FROM shares) AS answered,
           (SELECT coalesce(sum(errors), 0)::int FROM shares) AS errors,
           (SELECT coalesce(sum(graded), 0)::int FROM shares) AS graded,
           (SELECT coalesce(sum(correct), 0)::float8 FROM shares) AS correct,
           (SELECT coalesce(jsonb_object_agg(name, answered), '{}') FROM (
                SELECT strategy.name, sum(answered)::int AS answered
                FROM shares JOIN strategy ON strategy.id = strategy_id WHERE answered > 0 GROUP BY strategy.name
            ) AS named) AS mix,
           (SELECT shadow_price FROM task_window WHERE job_id = :job_id AND shadow_price IS NOT NULL
            ORDER BY id DESC LIMIT 1) AS shadow_price,
           CASE WHEN shared THEN entries.spent ELSE own.spent END AS spent,
           CASE WHEN shared THEN entries.burned ELSE own.burned END AS burned,
           CASE WHEN shared THEN entries.reserved ELSE own.reserved END AS reserved,
           CASE WHEN shared THEN entries.overrun ELSE own.overrun END AS overrun
    FROM own, entries, left_out
""").columns(
    total=Integer,
    unit=Text,
    paused=Boolean,
    given_up=Integer,
    skipped_budget=Integer,
    answered=Integer,
    errors=Integer,
    graded=Integer,
    correct=Float,
    mix=JSONB,
    shadow_price=Float,
    spent=Quanta,
    burned=Quanta,
    reserved=Quanta,
    overrun=Quanta,
)


def read_job_figures(session: Session, *, job_id: int) -> JobFigures:
    """The figures as of now."""
    return JobFigures(**session.execute(_READ, {"job_id": job_id}).one()._mapping)
