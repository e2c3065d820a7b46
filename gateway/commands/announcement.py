"""What a command says once its job is stored: how to come back to it, and who it waits for."""

from sqlalchemy import Engine as Database

from db.jobs import read_job
from db.session import session_scope
from gateway.commands.working import Working
from worker.absent_workers import describe_absent
from worker.settings import Settings


def announce_job(work: Working, settings: Settings, database: Database, *, job_id: int, what: str) -> None:
    """Note `what` with the way back; where workers are to do the work, also which of them are not there."""
    if settings.has_workers:
        work.view.note(f"{what}; it goes on without this command, and `apportion continue {job_id}` watches it again")
        note_absent(work, database, job_id=job_id)
    else:
        work.view.note(f"{what}; should it stop, `apportion continue {job_id}` goes on")


def note_absent(work: Working, database: Database, *, job_id: int) -> None:
    """A note for each kind of worker that the job needs and that is not there."""
    with session_scope(database) as session:
        absent = describe_absent(session, strategy_ids=read_job(session, job_id=job_id).strategy_ids)
    for sentence in absent:
        work.view.note(sentence)
