"""What a job's routed windows were predicted to cost."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.tables import WindowRow


def read_routed_cost(session: Session, *, job_id: int) -> int:
    """Predicted cost, in quanta, of every window routed so far; a task that came back counts each time."""
    total = select(func.coalesce(func.sum(WindowRow.predicted_cost), 0)).where(WindowRow.job_id == job_id)
    return int(session.execute(total).scalar_one() or 0)
