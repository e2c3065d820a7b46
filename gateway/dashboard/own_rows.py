"""Rows of the visitor's own tenant: of another one's, nothing is said."""

from sqlalchemy.orm import Session

from db.budgets import Budget, read_budget
from db.errors import NoSuchRow
from db.jobs import Job, read_job
from gateway.api.errors import NoSuchObject
from gateway.dashboard.visitor import Visitor


def read_own_job(session: Session, visitor: Visitor, *, job_id: int) -> Job:
    """The visitor's job; NoSuchObject."""
    try:
        job = read_job(session, job_id=job_id)
    except NoSuchRow:
        job = None  # told as another tenant's would be
    if job is None or job.tenant_id != visitor.tenant_id:
        raise NoSuchObject(f"There is no job {job_id}.")
    return job


def read_own_budget(session: Session, visitor: Visitor, *, budget_id: int) -> Budget:
    """The visitor's budget; NoSuchObject."""
    try:
        budget = read_budget(session, budget_id=budget_id)
    except NoSuchRow:
        budget = None  # as above
    if budget is None or budget.tenant_id != visitor.tenant_id:
        raise NoSuchObject(f"There is no budget {budget_id}.")
    return budget
