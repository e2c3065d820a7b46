"""The latest jobs of a tenant."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.jobs import Job
from db.tables import JobRow


def list_jobs(session: Session, *, tenant_id: str, limit: int) -> list[Job]:
    """Jobs of every kind, the latest first."""
    columns = [getattr(JobRow, name) for name in Job.__dataclass_fields__]
    latest = select(*columns).where(JobRow.tenant_id == tenant_id).order_by(JobRow.id.desc()).limit(limit)
    return [Job(**row._mapping) for row in session.execute(latest)]
