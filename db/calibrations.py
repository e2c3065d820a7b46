"""Calibration jobs, found by the file they were made on."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.states import JobKind, JobState
from db.tables import JobRow


def list_calibrated(session: Session, *, tenant_id: str, tasks_sha256: str) -> set[str]:
    """Spec hashes of the strategies that completed a calibration on this very file."""
    metas = select(JobRow.meta).where(
        JobRow.tenant_id == tenant_id,
        JobRow.kind == JobKind.CALIBRATION,
        JobRow.state == JobState.COMPLETED,
        JobRow.meta["tasks_sha256"].astext == tasks_sha256,
    )
    return {spec_hash for meta in session.execute(metas).scalars() for spec_hash in meta["spec_hashes"]}
