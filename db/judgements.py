"""Answers that wait for a judge, and the jobs in which one reads them."""

from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from db.states import JobKind
from db.tables import BudgetRow, JobRow, OutcomeRow

VERDICTS_READ = "verdicts_read"  # in a judging job's meta: what it said is stored


class UnjudgedAnswer(NamedTuple):
    """An answer that nobody has said anything of."""

    seq: int
    arm: int
    payload: str  # of its task
    answer: str


class JudgingCost(NamedTuple):
    """What judges were asked of a job and paid in one unit, from budgets of their own."""

    unit: str
    readings: int  # replies, whether they could be read or not
    quanta: int


_UNJUDGED = text("""
    SELECT outcome.seq, outcome.arm, task.payload, outcome.answer
    FROM outcome JOIN task ON task.job_id = outcome.job_id AND task.seq = outcome.seq
    WHERE outcome.job_id = :job_id AND outcome.error_code IS NULL AND outcome.correct IS NULL
      AND NOT EXISTS (
          SELECT FROM label
          WHERE label.job_id = outcome.job_id AND label.seq = outcome.seq AND label.arm = outcome.arm
      )
    ORDER BY outcome.seq, outcome.arm
""")


def iterate_unjudged(session: Session, *, job_id: int) -> Iterator[UnjudgedAnswer]:
    """The job's answers without a grade or a label, in its order, streamed."""
    for row in session.execute(_UNJUDGED, {"job_id": job_id}, execution_options={"yield_per": 2_000}):
        yield UnjudgedAnswer(**row._mapping)


def list_unread_judgings(session: Session, *, job_id: int, strategy_id: int) -> list[int]:
    """The jobs in which this very version judges the job and whose verdicts are not stored yet, the oldest first."""
    own = select(JobRow.id).where(
        JobRow.kind == JobKind.JUDGING,
        JobRow.strategy_ids == [strategy_id],
        JobRow.meta["judges"].as_integer() == job_id,
        ~JobRow.meta.has_key(VERDICTS_READ),
    )
    return list(session.execute(own.order_by(JobRow.id)).scalars())


def list_judging_costs(session: Session, *, job_id: int) -> list[JudgingCost]:
    """Of all jobs in which this one was judged, unit by unit."""
    replies = select(func.count()).where(OutcomeRow.job_id == JobRow.id, OutcomeRow.error_code.is_(None))
    readings = func.sum(replies.correlate(JobRow).scalar_subquery())
    own = (
        select(BudgetRow.unit, readings, func.sum(BudgetRow.spent + BudgetRow.burned))
        .join(JobRow, JobRow.budget_id == BudgetRow.id)
        .where(JobRow.kind == JobKind.JUDGING, JobRow.meta["judges"].as_integer() == job_id)
    )
    rows = session.execute(own.group_by(BudgetRow.unit).order_by(BudgetRow.unit))
    return [JudgingCost(unit, int(readings), int(quanta)) for unit, readings, quanta in rows]
