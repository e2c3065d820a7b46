"""Budgets: charged beyond their cap by somebody else's doing, or of a period that is over."""

from collections.abc import Iterator, Sequence

from sqlalchemy.orm import Session

from db.alarms import list_overruns, list_periods_over
from gateway.doctor.finding import Finding
from gateway.report.amounts import say_cost
from router.units import Unit

ALARM_DAYS = 7


def look_at_overruns(session: Session) -> Iterator[Finding]:
    """An alarm for a week: a server that bills more than was asked for does it again."""
    overruns = list_overruns(session, days=ALARM_DAYS)
    if not overruns:
        yield Finding(True, "budgets: none was overrun this week")
    for row in overruns:
        amount = say_cost(row.overrun, Unit(row.unit))
        yield Finding(
            False,
            f"budget {row.budget_name}: {amount} more were billed this week than was asked for, in "
            f"{_say_jobs(row.job_ids)}: a server ignores max_tokens, or counts otherwise; take its strategies out",
        )


def look_at_periods(session: Session) -> Iterator[Finding]:
    """What is spent from now on belongs to the next period."""
    for row in list_periods_over(session):
        yield Finding(
            True,
            f"budget {row.budget_name}: its {row.period} period from {row.period_start:%Y-%m-%d %H:%M} is over, and "
            f"{_say_jobs(row.job_ids)} go on in the next one as soon as a reconciler is at work",
        )


def _say_jobs(job_ids: Sequence[int]) -> str:
    shown = ", ".join(map(str, job_ids[:5]))
    more = f" and {len(job_ids) - 5} more" if len(job_ids) > 5 else ""
    return f"{'job' if len(job_ids) == 1 else 'jobs'} {shown}{more}"
