"""What people should know of budgets, though nothing is wrong in the books."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.states import BudgetPeriod


@dataclass(frozen=True, kw_only=True)
class Overrun:
    """What was charged beyond a budget lately, because a server billed more than was asked for."""

    budget_name: str
    unit: str
    overrun: int  # quanta
    job_ids: Sequence[int]


@dataclass(frozen=True, kw_only=True)
class PeriodOver:
    """A budget whose period is over, and that jobs still draw on."""

    budget_name: str
    period: BudgetPeriod
    period_start: datetime
    job_ids: Sequence[int]


_LIST_OVERRUNS = text("""
    SELECT budget.name AS budget_name, budget.unit, sum(overrun_delta)::numeric(38, 0) AS overrun,
           array_agg(DISTINCT job_id ORDER BY job_id) AS job_ids
    FROM budget JOIN ledger_entry ON ledger_entry.budget_id = budget.id
    WHERE budget.overrun > 0 AND overrun_delta > 0
      AND ledger_entry.created_at > clock_timestamp() - make_interval(days => :days)
    GROUP BY budget.id ORDER BY budget.id
""")

_LIST_PERIODS_OVER = text("""
    SELECT budget.name AS budget_name, budget.period, budget.period_start,
           array_agg(job.id ORDER BY job.id) AS job_ids
    FROM budget JOIN job ON job.budget_id = budget.id
    WHERE job.finished_at IS NULL AND job.state <> 'cancelling' AND budget.period IS NOT NULL
      AND budget.period_start + CASE budget.period WHEN 'nightly' THEN interval '1 day' ELSE interval '1 month' END
          <= clock_timestamp()
    GROUP BY budget.id ORDER BY budget.id
""")


def list_overruns(session: Session, *, days: int) -> list[Overrun]:
    """Budgets that were overrun in the last `days` days."""
    rows = session.execute(_LIST_OVERRUNS, {"days": days})
    return [Overrun(**(row._asdict() | {"overrun": int(row.overrun)})) for row in rows]


def list_periods_over(session: Session) -> list[PeriodOver]:
    """Budgets of a period that is over, with open jobs."""
    rows = session.execute(_LIST_PERIODS_OVER)
    return [PeriodOver(**(row._asdict() | {"period": BudgetPeriod(row.period)})) for row in rows]
