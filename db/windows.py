"""Windows: cut from a job, claimed under a lease, committed as groups."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import chain, repeat

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from db.errors import StaleFence
from db.jobs import Job, lock_job
from db.kept_answers import KeptAnswer, read_kept
from db.leases import lease_end
from db.states import FINAL_STATES, JobState, RequeueReason, WindowState
from db.tables import WindowRow


@dataclass(frozen=True, kw_only=True)
class Requeued:
    """What routing must know of a task that comes back."""

    seq: int
    arm: int
    reason: RequeueReason
    attempt_no: int  # executions so far that were not final
    excluded_strategy_ids: Sequence[int]
    kept: KeptAnswer | None = None  # its first answer, where this is its second chance


@dataclass(frozen=True, kw_only=True)
class ClaimedWindow:
    """A window that the caller holds until its lease ends."""

    id: int
    fence: int
    job_id: int
    seqs: Sequence[int]  # ascending
    requeued: Sequence[Requeued]  # empty when the window was cut from the cursor
    cursor_seq: int  # the job's cursor behind this claim: tasks from it on are in no window yet


@dataclass(frozen=True, kw_only=True)
class HeldWindow:
    """A window that this transaction has locked under its fence."""

    id: int
    job_id: int
    seqs: Sequence[int]


def claim_window(session: Session, *, job_id: int, size: int, owner: str, lease_seconds: float) -> ClaimedWindow | None:
    """A window to route: one that was lost, else tasks that came back, else the next ones.

    None when all are routed, or none may be: the job is paused or cancelled.
    """
    job = lock_job(session, job_id=job_id)
    if job.paused or job.state in (JobState.CANCELLING, *FINAL_STATES):
        return None
    held = {"owner": owner, "lease": timedelta(seconds=lease_seconds)}
    waiting = session.execute(_FIND_WAITING, {"job_id": job_id}).one()
    window_id = waiting.lost_id
    if window_id is None and waiting.tasks_due:
        window_id = _cut_requeued(session, job=job, size=size)
    if window_id is not None:
        window = _claim(session, window_id=window_id, cursor_seq=job.cursor_seq, held=held)
        if job.second_chances:
            window = replace(window, requeued=_with_kept(session, job=job, requeued=window.requeued))
        return window
    return _cut_next(session, job=job, size=size, held=held)


def _with_kept(session: Session, *, job: Job, requeued: Sequence[Requeued]) -> list[Requeued]:
    kept = read_kept(session, job_id=job.id, seqs=[row.seq for row in requeued])
    return [replace(row, kept=kept.get(row.seq)) for row in requeued]


def extend_window_lease(session: Session, *, window_id: int, fence: int, lease_seconds: float) -> None:
    """Hold the window for another `lease_seconds` from now; StaleFence when it is lost."""
    write_window_fenced(session, window_id=window_id, fence=fence, lease_until=lease_end(lease_seconds))


def return_window(session: Session, *, window_id: int, fence: int) -> None:
    """Give the window back unrouted, to be claimed again at once."""
    write_window_fenced(
        session, window_id=window_id, fence=fence, state=WindowState.READY, owner=None, lease_until=None
    )


def write_window_fenced(session: Session, *, window_id: int, fence: int, **values: object) -> HeldWindow:
    """Change the window and hold its lock: the first statement of every transaction under its fence. StaleFence."""
    held = (WindowRow.id == window_id, WindowRow.fence == fence, WindowRow.state == WindowState.CLAIMED)
    changed = update(WindowRow).where(*held).values(**values)
    row = session.execute(changed.returning(WindowRow.id, WindowRow.job_id, WindowRow.seqs)).one_or_none()
    if row is None:
        raise StaleFence(table="window", row_id=window_id, fence=fence)
    return HeldWindow(**row._mapping)


def read_requeued(session: Session, *, window_id: int) -> list[Requeued]:
    """The requeue rows that an unrouted window has taken."""
    rows = session.execute(_READ_REQUEUED, {"window_id": window_id})
    return [Requeued(**(row._asdict() | {"reason": RequeueReason(row.reason)})) for row in rows]


def list_wanted(window: HeldWindow, *, job: Job, requeued: Sequence[Requeued]) -> set[tuple[int, int]]:
    """The arms that a window has to find a place for; as plain pairs, since there are tens of thousands."""
    if requeued:
        return {(row.seq, row.arm) for row in requeued}
    return set(chain.from_iterable(zip(window.seqs, repeat(arm)) for arm in job.arms))


def read_routing_seconds(session: Session, *, job_id: int) -> float:
    """From the claims of the job's windows to the commits of their groups, summed up."""
    took = func.extract("epoch", WindowRow.routed_at - WindowRow.created_at)
    query = select(func.coalesce(func.sum(took), 0)).where(WindowRow.job_id == job_id)
    return float(session.execute(query).scalar_one())


_READ_REQUEUED = text("""
    SELECT seq, arm, reason, attempt_no, excluded_strategy_ids FROM requeue
    WHERE window_id = :window_id AND routed_at IS NULL ORDER BY seq, arm
""")

# A task that came back in the future waits no longer: the database's clock was set back since.
_FIND_WAITING = text("""
    SELECT (SELECT id FROM task_window WHERE job_id = :job_id AND state = 'ready' ORDER BY id LIMIT 1) AS lost_id,
           EXISTS (SELECT FROM requeue WHERE job_id = :job_id AND window_id IS NULL
                   AND reason IN ('denied', 'retry', 'recalled', 'second_chance')
                   AND (not_before <= clock_timestamp() OR created_at > clock_timestamp())) AS tasks_due
""")

_TAKE_REQUEUED = text("""
    WITH due AS (
        SELECT id, seq FROM requeue
        WHERE job_id = :job_id AND window_id IS NULL AND reason IN ('denied', 'retry', 'recalled', 'second_chance')
          AND (not_before <= clock_timestamp() OR created_at > clock_timestamp())
        ORDER BY not_before, id LIMIT :size
    ), cut AS (
        INSERT INTO task_window (tenant_id, job_id, seqs, state, fence)
        SELECT :tenant_id, :job_id, array_agg(DISTINCT seq ORDER BY seq), 'ready', 0 FROM due HAVING count(*) > 0
        RETURNING id
    )
    UPDATE requeue SET window_id = cut.id FROM due, cut WHERE requeue.id = due.id RETURNING requeue.window_id
""")


_CLAIM = text("""
    UPDATE task_window
    SET state = 'claimed', owner = :owner, fence = fence + 1, lease_until = clock_timestamp() + :lease
    WHERE id = :window_id RETURNING id, fence, job_id, seqs
""")

# Cut and claimed at once: no other router may see it in between. Twins are left to the task that they repeat.
_CUT_NEXT = text("""
    WITH moved AS (
        UPDATE job SET cursor_seq = :end, state = 'running', started_at = coalesce(started_at, clock_timestamp())
        WHERE id = :job_id
    )
    INSERT INTO task_window (tenant_id, job_id, seqs, state, fence, owner, lease_until)
    SELECT :tenant_id, :job_id, array_agg(seq ORDER BY seq), 'claimed', 1, :owner, clock_timestamp() + :lease
    FROM generate_series(CAST(:begin AS int), :end - 1) AS seq
    WHERE NOT EXISTS (SELECT FROM twin WHERE twin.job_id = :job_id AND twin.seq = seq.seq)
    HAVING count(*) > 0
    RETURNING id, fence, job_id, seqs
""")


def _cut_requeued(session: Session, *, job: Job, size: int) -> int | None:
    values = {"tenant_id": job.tenant_id, "job_id": job.id, "size": size}
    return session.execute(_TAKE_REQUEUED, values).scalars().first()


def _cut_next(session: Session, *, job: Job, size: int, held: Mapping[str, object]) -> ClaimedWindow | None:
    for begin in range(job.cursor_seq, job.task_count, size):  # past stretches where all are twins
        end = min(begin + size, job.task_count)
        cut = {"tenant_id": job.tenant_id, "job_id": job.id, "begin": begin, "end": end}
        row = session.execute(_CUT_NEXT, {**cut, **held}).one_or_none()
        if row is not None:
            return ClaimedWindow(**row._mapping, requeued=[], cursor_seq=end)
    return None


def _claim(session: Session, *, window_id: int, cursor_seq: int, held: Mapping[str, object]) -> ClaimedWindow:
    row = session.execute(_CLAIM, {"window_id": window_id, **held}).one()
    requeued = read_requeued(session, window_id=window_id)
    return ClaimedWindow(**row._mapping, requeued=requeued, cursor_seq=cursor_seq)
