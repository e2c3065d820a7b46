"""`apportion pause`, `unpause` and `cancel`: a job is stopped for a while or for good, whoever works on it."""

from rich.console import Console
from rich.text import Text

from gateway.exit_codes import ExitCode
from worker.database import open_database
from worker.job_control import cancel, pause, unpause
from worker.settings import read_settings

SETTLING_SECONDS = 2.0  # beside a lease: what a lost worker held is given up once that is over


def pause_job(console: Console, *, job_id: int) -> ExitCode:
    """Whoever works on it finishes what runs, and waits."""
    with open_database(read_settings()) as database:
        pause(database, job_id=job_id)
    console.print(Text(f"job {job_id} is paused: what runs is finished; `apportion unpause {job_id}` lets it go on"))
    return ExitCode.DONE


def unpause_job(console: Console, *, job_id: int) -> ExitCode:
    """Whoever works on it goes on; where nobody does, `apportion continue` has to."""
    with open_database(read_settings()) as database:
        unpause(database, job_id=job_id)
    rest = f"`apportion continue {job_id}` does so where no command or worker is at work on it"
    console.print(Text(f"job {job_id} may go on: {rest}"))
    return ExitCode.DONE


def cancel_job(console: Console, *, job_id: int) -> ExitCode:
    """The job's end, or who it waits for."""
    settings = read_settings()
    with open_database(settings) as database:
        ended = cancel(database, job_id=job_id, patience_seconds=settings.lease_seconds + SETTLING_SECONDS)
    if ended:
        shown = f"`apportion report {job_id}` shows what was answered before"
        console.print(Text(f"job {job_id} is cancelled: {shown}"))
    else:
        waits = f"what is with engines is settled first; `apportion status {job_id}` shows when it has ended"
        console.print(Text(f"job {job_id} is being cancelled: {waits}"))
    return ExitCode.DONE
