"""The price that money has now under a budget."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.tables import JobRow, WindowRow


def read_last_price(session: Session, *, budget_id: int) -> float | None:
    """Right answers a quantum, as the latest window of an open job had it; None where no such job was priced yet."""
    priced = select(WindowRow.shadow_price).join(JobRow, JobRow.id == WindowRow.job_id)
    priced = priced.where(JobRow.budget_id == budget_id, JobRow.finished_at.is_(None))
    latest = priced.where(WindowRow.shadow_price.is_not(None)).order_by(WindowRow.id.desc()).limit(1)
    return session.execute(latest).scalar_one_or_none()
