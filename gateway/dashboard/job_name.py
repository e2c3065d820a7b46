"""What people know jobs by."""

from collections.abc import Mapping, Sequence
from pathlib import PurePath

from sqlalchemy.orm import Session

from db.batch_names import read_batch_names
from db.jobs import Job

SOURCES = ("job_file", "strategy_file")  # of a run, of a calibration


def name_jobs(session: Session, jobs: Sequence[Job]) -> Mapping[int, str]:
    """The name of the file that each job of a tenant came from, without its folders; else its number."""
    batches = {job.id: str(job.meta["batch"]) for job in jobs if "batch" in job.meta}
    tenants = {job.tenant_id for job in jobs}
    names = {
        batch: name
        for tenant_id in tenants
        for batch, name in read_batch_names(session, tenant_id=tenant_id, batch_ids=list(batches.values())).items()
    }
    return {job.id: names.get(batches.get(job.id, "")) or _name(job) for job in jobs}


def name_job(session: Session, job: Job) -> str:
    """The same for one job."""
    return name_jobs(session, [job])[job.id]


def _name(job: Job) -> str:
    source = next((str(job.meta[name]) for name in SOURCES if job.meta.get(name)), f"job {job.id}")
    return PurePath(source).name
