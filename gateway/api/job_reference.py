"""Jobs as callers name them: by their number, or by the batch that they are."""

from db.batches import read_batch
from db.errors import NoSuchRow
from db.jobs import Job, read_job
from db.session import session_scope
from gateway.api.callers import Known
from gateway.api.errors import InvalidRequest, NoSuchObject
from gateway.api.front_door import FrontDoor


def find_job(door: FrontDoor, caller: Known, *, batch_id: str | None = None, job_id: int | None = None) -> Job:
    """The caller's own job; NoSuchObject, also for one of another tenant or a batch that is no job yet."""
    if (batch_id is None) == (job_id is None):
        raise InvalidRequest("give exactly one of batch_id and job_id", param="batch_id")
    with session_scope(door.database) as session:
        if batch_id is not None:
            batch = read_batch(session, tenant_id=caller.tenant_id, batch_id=batch_id)
            if batch is None or batch.job_id is None:
                missing = "there is no" if batch is None else "nothing was routed yet of"
                raise NoSuchObject(f"{missing} batch {batch_id}", param="batch_id")
            job_id = batch.job_id
        assert job_id is not None
        try:
            job = read_job(session, job_id=job_id)
        except NoSuchRow:
            job = None
    if job is None or job.tenant_id != caller.tenant_id:
        raise NoSuchObject(f"there is no job {job_id}", param="job_id")
    return job
