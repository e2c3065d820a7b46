"""Jobs are paused, unpaused and cancelled."""

import time
from functools import partial

from sqlalchemy import Engine as Database

from db.cancelling import cancel_job, cancel_rest, give_up_piece
from db.expiry import expire_leases
from db.jobs import lock_job, set_paused
from db.session import run_in_transaction, session_scope
from db.states import FINAL_STATES, JobState
from worker.bootstrap import read_known_job
from worker.errors import JobNotDriveable
from worker.least_worst import read_least

SWEEP_SECONDS = 0.2


def pause(database: Database, *, job_id: int) -> None:
    """Start nothing new of the job; JobNotDriveable when there is nothing to pause."""
    _set_paused(database, job_id=job_id, paused=True)


def unpause(database: Database, *, job_id: int) -> None:
    """Go on with it."""
    _set_paused(database, job_id=job_id, paused=False)


def cancel(database: Database, *, job_id: int, patience_seconds: float) -> bool:
    """Whether the job has come to its end; what is with engines is waited for that long, and settled first.

    Without patience what no window has cut yet is left to whoever sweeps, but for a first piece. JobNotDriveable for a
    job that is completed.
    """
    job = read_known_job(database, job_id=job_id)
    if job.state is JobState.COMPLETED:
        raise JobNotDriveable(f"job {job_id} is completed: there is nothing left to cancel")
    begins = job.promised and job.state is not JobState.CANCELLING
    with session_scope(database) as session:
        least = read_least(session, job_id=job_id) if begins else None
    ended = run_in_transaction(database, lambda session: cancel_job(session, job_id=job_id, least=least))
    while patience_seconds > 0 and run_in_transaction(database, partial(give_up_piece, job_id=job_id)):
        pass
    deadline = time.monotonic() + patience_seconds
    while not ended and time.monotonic() < deadline:
        time.sleep(SWEEP_SECONDS)
        run_in_transaction(database, lambda session: expire_leases(session, job_id=job_id))
        ended = run_in_transaction(database, lambda session: cancel_rest(session, job_id=job_id))
    return ended


def _set_paused(database: Database, *, job_id: int, paused: bool) -> None:
    read_known_job(database, job_id=job_id)
    with session_scope(database) as session:
        job = lock_job(session, job_id=job_id)
        if job.state in (JobState.CANCELLING, *FINAL_STATES):
            raise JobNotDriveable(f"job {job_id} is {job.state}: there is nothing to {'' if paused else 'un'}pause")
        set_paused(session, job_id=job_id, paused=paused)
