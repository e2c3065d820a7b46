"""`apportion pause`, `unpause` and `cancel`: a job is stopped for a while or for good, whoever works on it."""

from rich.console import Console

from gateway.exit_codes import ExitCode
from gateway.json_option import tell
from worker.database import open_database
from worker.job_control import cancel, pause, unpause
from worker.settings import read_settings

SETTLING_SECONDS = 2.0  # beside a lease: what a lost worker held is given up once that is over


def pause_job(console: Console, *, job_id: int, as_json: bool) -> ExitCode:
    """Whoever works on it finishes what runs, and waits."""
    with open_database(read_settings()) as database:
        pause(database, job_id=job_id)
    words = f"job {job_id} is paused: what runs is finished; `apportion unpause {job_id}` lets it go on"
    tell(console, words, {"job": job_id, "paused": True}, as_json=as_json)
    return ExitCode.DONE


def unpause_job(console: Console, *, job_id: int, as_json: bool) -> ExitCode:
    """Whoever works on it goes on; where nobody does, `apportion continue` has to."""
    with open_database(read_settings()) as database:
        unpause(database, job_id=job_id)
    rest = f"`apportion continue {job_id}` does so where no command or worker is at work on it"
    tell(console, f"job {job_id} may go on: {rest}", {"job": job_id, "paused": False}, as_json=as_json)
    return ExitCode.DONE


def cancel_job(console: Console, *, job_id: int, as_json: bool) -> ExitCode:
    """The job's end, or who it waits for."""
    settings = read_settings()
    with open_database(settings) as database:
        ended = cancel(database, job_id=job_id, patience_seconds=settings.lease_seconds + SETTLING_SECONDS)
    if ended:
        words = f"job {job_id} is cancelled: `apportion report {job_id}` shows what was answered before"
    else:
        waits = f"what is with engines is settled first; `apportion status {job_id}` shows when it has ended"
        words = f"job {job_id} is being cancelled: {waits}"
    tell(console, words, {"job": job_id, "cancelled": ended}, as_json=as_json)
    return ExitCode.DONE
