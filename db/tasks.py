"""Tasks: copied in once, read by sequence number."""

from collections.abc import Iterable, Sequence

import msgspec
from psycopg.errors import UniqueViolation
from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from db.copying import copy_rows, pack_bigint, pack_int, pack_text
from db.errors import DuplicateCustomId, NoSuchRow
from db.jobs import lock_job
from db.tables import JobRow, TaskRow
from db.tables.base import write_numbers
from db.text import require_storable


class NewTask(msgspec.Struct, frozen=True):
    """A task to store: the line's custom_id and the whole line as text."""

    custom_id: str
    payload: str


class StoredTask(msgspec.Struct, frozen=True):
    """A task as it was stored."""

    seq: int
    custom_id: str
    payload: str


COUNTED_FROM = 1000  # tasks copied at once
_COPIED = ("tenant_id", "job_id", "seq", "custom_id", "payload")


def copy_tasks(session: Session, *, job_id: int, tasks: Iterable[NewTask]) -> int:
    """The number of tasks copied into the job, numbered on from those it has; UnstorableText, DuplicateCustomId."""
    job = lock_job(session, job_id=job_id)
    begin = pack_text(job.tenant_id) + pack_bigint(job.id)
    rows = (_pack(begin, seq=seq, task=task) for seq, task in enumerate(tasks, start=job.task_count))
    try:
        copied = copy_rows(session, table="task", columns=_COPIED, rows=rows)
    except IntegrityError as error:
        if isinstance(error.orig, UniqueViolation):
            raise DuplicateCustomId(job_id=job_id, detail=error.orig.diag.message_detail or "") from error
        raise
    session.execute(update(JobRow).where(JobRow.id == job_id).values(task_count=job.task_count + copied))
    return copied


def tell_planner(session: Session, *, copied: int) -> None:
    """Let the planner count the tasks that this transaction copied: best called at its end, others wait to do the same.

    Until autovacuum has been at it a job looks as small as none, and the index of names as good as that of numbers: a
    group of 500 tasks would read all of its job 500 times. Small jobs are read quickly either way.
    """
    if copied >= COUNTED_FROM:
        session.execute(text("SET LOCAL default_statistics_target = 10"))  # 3,000 rows are looked at: 0.05 s
        session.execute(text("ANALYZE task (job_id, seq)"))


def _pack(begin: bytes, *, seq: int, task: NewTask) -> bytes:
    custom_id = require_storable(task.custom_id, name=f"the custom_id of task {seq}")
    payload = require_storable(task.payload, name=f"task {custom_id}")
    return b"".join((begin, pack_int(seq), pack_text(custom_id), pack_text(payload)))


def find_task(session: Session, *, job_id: int, custom_id: str) -> int | None:
    """The number of the job's task of that name; None when it has none."""
    named = select(TaskRow.seq).where(TaskRow.job_id == job_id, TaskRow.custom_id == custom_id)
    return session.execute(named).scalar_one_or_none()


# Each task by the index, whatever the planner makes of a table that was filled a moment ago and never analysed.
_READ = text("""
    SELECT member.seq, task.custom_id, task.payload
    FROM unnest(CAST(:seqs AS int[])) WITH ORDINALITY AS member (seq, position)
    CROSS JOIN LATERAL (
        SELECT custom_id, payload FROM task WHERE task.job_id = :job_id AND task.seq = member.seq OFFSET 0
    ) AS task
    ORDER BY member.position
""")


def read_tasks(session: Session, *, job_id: int, seqs: Sequence[int]) -> list[StoredTask]:
    """The tasks, in the order of `seqs`; NoSuchRow when there is none of that number."""
    rows = session.execute(_READ, {"job_id": job_id, "seqs": write_numbers(seqs)}).all()
    if len(rows) < len(seqs):
        missing = set(seqs).difference(row.seq for row in rows)
        raise NoSuchRow(table=f"job {job_id} task", row_id=min(missing))
    return [StoredTask(seq=seq, custom_id=custom_id, payload=payload) for seq, custom_id, payload in rows]
