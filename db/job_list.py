"""The latest jobs of a tenant, and how many jobs are open."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.jobs import Job
from db.tables import JobRow


def list_jobs(session: Session, *, tenant_id: str, limit: int) -> list[Job]:
    """Jobs of every kind, the latest first."""
    columns = [getattr(JobRow, name) for name in Job.__dataclass_fields__]
    latest = select(*columns).where(JobRow.tenant_id == tenant_id).order_by(JobRow.id.desc()).limit(limit)
    return [Job(**row._mapping) for row in session.execute(latest)]


def count_open_jobs(session: Session) -> int:
    """How many jobs are not at their end, of all tenants."""
    return session.execute(select(func.count()).select_from(JobRow).where(JobRow.finished_at.is_(None))).scalar_one()
