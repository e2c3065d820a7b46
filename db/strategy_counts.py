"""Outcomes of a job by strategy."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.tables import OutcomeRow


@dataclass(frozen=True, kw_only=True)
class StrategyCount:
    """What one strategy did in a job."""

    strategy_id: int
    outcomes: int
    graded: int
    correct: float  # sum over graded outcomes


def count_by_strategy(session: Session, *, job_id: int) -> list[StrategyCount]:
    """One row for each strategy with an outcome."""
    query = select(
        OutcomeRow.strategy_id,
        func.count().label("outcomes"),
        func.count(OutcomeRow.correct).label("graded"),
        func.coalesce(func.sum(OutcomeRow.correct), 0.0).label("correct"),
    ).where(OutcomeRow.job_id == job_id)
    rows = session.execute(query.group_by(OutcomeRow.strategy_id).order_by(OutcomeRow.strategy_id))
    return [StrategyCount(**row._mapping) for row in rows]
