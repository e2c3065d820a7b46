"""What judges were asked of a job's answers, and what that cost beside its budget."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from db.jobs import Job
from db.judgements import list_judging_costs
from gateway.report.amounts import say_cost
from gateway.report.values import JudgingReport
from router.units import Unit


def read_judging(session: Session, *, job: Job) -> tuple[JudgingReport, ...]:
    """As it stands now, one for each unit that was paid in; none where no judge was asked."""
    return tuple(
        JudgingReport(unit=Unit(cost.unit), readings=cost.readings, cost_quanta=cost.quanta)
        for cost in list_judging_costs(session, job_id=job.id)
    )


def say_judging(judging: Sequence[JudgingReport]) -> str:
    """How many answers were read, and for how much."""
    readings = sum(own.readings for own in judging)
    paid = " and ".join(say_cost(own.cost_quanta, own.unit) for own in judging if own.cost_quanta)
    answers = f"{readings:,} repl{'y' if readings == 1 else 'ies'} of a judge"
    return f"{answers}, {paid or 'nothing'} spent on them beside this budget"
