"""What the routed windows of a budget's jobs were predicted to cost."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.tables import JobRow, WindowRow


def read_routed_cost(session: Session, *, budget_id: int) -> int:
    """Predicted cost, in quanta, of every window routed so far; a task that came back counts each time."""
    total = select(func.coalesce(func.sum(WindowRow.predicted_cost), 0)).join(JobRow, JobRow.id == WindowRow.job_id)
    total = total.where(JobRow.budget_id == budget_id)
    return int(session.execute(total).scalar_one() or 0)
