"""What routing knows of a job's spending, read from its budget."""

from sqlalchemy import Engine

from db.budgets import read_budget
from db.jobs import Job, read_job
from db.progress import read_predicted_in_flight
from db.routed_cost import read_routed_cost
from db.session import session_scope
from worker.window_choice import Money


def read_money(database: Engine, *, job: Job) -> Money:
    """The money of the job's budget as it stands."""
    with session_scope(database) as session:
        budget_id = read_job(session, job_id=job.id).budget_id  # another one than at first, once its period is over
        budget = read_budget(session, budget_id=budget_id)
        return Money(
            tasks=job.task_count,
            cap=budget.cap,
            settled=budget.spent,
            burned=budget.burned,
            reserved=budget.reserved,
            kept=budget.kept or 0,
            routed=read_routed_cost(session, budget_id=budget_id),
            in_flight=read_predicted_in_flight(session, budget_id=budget_id),
        )
