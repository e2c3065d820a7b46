"""Tasks: copied in once, read by sequence number."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from psycopg.errors import UniqueViolation
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from db.arrays import among
from db.errors import DuplicateCustomId, NoSuchRow
from db.jobs import lock_job
from db.tables import JobRow, TaskRow
from db.text import require_storable


@dataclass(frozen=True, kw_only=True)
class NewTask:
    """A task to store: the line's custom_id and the whole line as text."""

    custom_id: str
    payload: str


@dataclass(frozen=True, kw_only=True)
class StoredTask:
    """A task as it was stored."""

    seq: int
    custom_id: str
    payload: str


_COLUMNS = [TaskRow.seq, TaskRow.custom_id, TaskRow.payload]


def copy_tasks(session: Session, *, job_id: int, tasks: Iterable[NewTask]) -> int:
    """The number of tasks copied into the job, numbered on from those it has; UnstorableText, DuplicateCustomId."""
    job = lock_job(session, job_id=job_id)
    connection = session.connection().connection.driver_connection
    assert connection is not None
    next_seq = job.task_count
    try:
        with connection.cursor().copy("COPY task (tenant_id, job_id, seq, custom_id, payload) FROM STDIN") as copy:
            for task in tasks:
                custom_id = require_storable(task.custom_id, name=f"the custom_id of task {next_seq}")
                payload = require_storable(task.payload, name=f"task {custom_id}")
                copy.write_row((job.tenant_id, job_id, next_seq, custom_id, payload))
                next_seq += 1
    except UniqueViolation as error:
        raise DuplicateCustomId(job_id=job_id, detail=error.diag.message_detail or "") from error
    session.execute(update(JobRow).where(JobRow.id == job_id).values(task_count=next_seq))
    return next_seq - job.task_count


def read_tasks(session: Session, *, job_id: int, seqs: Sequence[int]) -> list[StoredTask]:
    """The tasks, in the order of `seqs`; NoSuchRow when there is none of that number."""
    rows = session.execute(select(*_COLUMNS).where(TaskRow.job_id == job_id, among(TaskRow.seq, seqs)))
    by_seq = {row.seq: StoredTask(**row._mapping) for row in rows}
    for seq in seqs:
        if seq not in by_seq:
            raise NoSuchRow(table=f"job {job_id} task", row_id=seq)
    return [by_seq[seq] for seq in seqs]
