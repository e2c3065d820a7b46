"""Outcomes that were not earned here, but imported from a recording."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from db.jobs import read_job
from db.outcome_rows import NewOutcome, Origin, insert_outcomes
from db.states import JobKind, OutcomeSource


def import_recording(session: Session, *, job_id: int, strategy_id: int, outcomes: Sequence[NewOutcome]) -> int:
    """The number of outcomes stored: recorded elsewhere, charged to no budget. ValueError unless a calibration job."""
    job = read_job(session, job_id=job_id)
    if job.kind is not JobKind.CALIBRATION:
        raise ValueError(f"job {job_id} is a {job.kind}: a recording belongs in a calibration job")
    origin = Origin(
        tenant_id=job.tenant_id,
        job_id=job_id,
        kind=job.kind,
        arm=strategy_id,
        strategy_id=strategy_id,
        grp_id=None,
        fence=None,
        source=OutcomeSource.RECORDING,
    )
    insert_outcomes(session, outcomes=outcomes, origin=origin)
    return len(outcomes)
