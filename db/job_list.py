"""The latest jobs of a tenant, and how many jobs are open."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.jobs import Job
from db.tables import JobRow


def list_jobs(session: Session, *, tenant_id: str, limit: int, before: int | None = None) -> list[Job]:
    """Jobs of every kind, the latest first, or those before one of them; no requests that were answered at once."""
    columns = [getattr(JobRow, name) for name in Job.__dataclass_fields__]
    own = select(*columns).where(JobRow.tenant_id == tenant_id, ~JobRow.meta.has_key("chat"))
    if before is not None:
        own = own.where(JobRow.id < before)
    return [Job(**row._mapping) for row in session.execute(own.order_by(JobRow.id.desc()).limit(limit))]


def count_open_jobs(session: Session) -> int:
    """How many jobs are not at their end, of all tenants."""
    return session.execute(select(func.count()).select_from(JobRow).where(JobRow.finished_at.is_(None))).scalar_one()
