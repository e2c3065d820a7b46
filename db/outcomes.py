"""Outcomes that were not earned here: imported from a recording, or relabelled later."""

from collections.abc import Sequence

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from db.errors import NoSuchRow
from db.jobs import read_job
from db.outcome_rows import NewOutcome, Origin, insert_outcomes
from db.states import JobKind, OutcomeSource
from db.tables import LabelRow, OutcomeRow


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


def store_label(session: Session, *, job_id: int, seq: int, arm: int, source: str, correct: float) -> None:
    """Record the correctness of an outcome as `source` sees it; for training, the newest label wins."""
    of_outcome = (OutcomeRow.job_id == job_id, OutcomeRow.seq == seq, OutcomeRow.arm == arm)
    tenant_id = session.execute(select(OutcomeRow.tenant_id).where(*of_outcome)).scalar_one_or_none()
    if tenant_id is None:
        raise NoSuchRow(table=f"outcome of job {job_id} for task", row_id=seq)
    label = {"job_id": job_id, "seq": seq, "arm": arm, "source": source, "correct": correct}
    session.execute(insert(LabelRow).values(tenant_id=tenant_id, **label))
