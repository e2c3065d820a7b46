"""What exploring comes to in a job, and how that is said."""

from sqlalchemy.orm import Session

from db.explorations import count_explored
from db.jobs import Job
from gateway.report.amounts import say_cost
from gateway.report.values import ExplorationReport
from router.units import Unit


def read_exploration(session: Session, *, job: Job) -> ExplorationReport | None:
    """As it stands now; None where nothing was explored."""
    counts = count_explored(session, job_id=job.id)
    if not counts.tasks:
        return None
    return ExplorationReport(
        explored=counts.explored,
        spent_quanta=counts.spent,
        set_aside_quanta=counts.set_aside,
        accuracy_given_up=counts.accuracy_given_up / max(job.task_count, 1),
        extra_cost_quanta=counts.extra_cost,
    )


def say_exploration(exploration: ExplorationReport, *, unit: Unit) -> str:
    """How many tasks taught something, and at what price."""
    tasks = f"{exploration.explored:,} task{'' if exploration.explored == 1 else 's'} tried another strategy to learn"
    points = 100 * exploration.accuracy_given_up
    spent = say_cost(exploration.spent_quanta, unit)
    return f"{tasks}: {points:.2f} points given up (predicted), {spent} spent on them"
