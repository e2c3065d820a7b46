"""Cancelling: a job's tasks are given up, all but those that are with engines, which are settled first.

What no window has cut yet is given up piece by piece, in transactions of their own: a million tasks take many seconds,
and whoever routes would wait for the job's row.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Row, func, text, update
from sqlalchemy.orm import Session

from db.disbanding import disband_ready_groups
from db.jobs import Job, complete_job, lock_job, read_job
from db.kept_answers import list_kept, restore_kept
from db.promises import take_back_promise
from db.requeues import NewRequeue, close_requeues, end_twins, insert_requeues
from db.states import FINAL_STATES, JobState, RequeueReason, WindowState
from db.tables import JobRow, WindowRow
from db.windows import HeldWindow, list_wanted, read_requeued

PIECE_ANSWERS = 20_000  # given up in one transaction: some tenths of a second


def cancel_job(session: Session, *, job_id: int, least: NDArray[np.float64] | None) -> bool:
    """Whether the job has come to its end: nothing more of it is started, and what runs is settled.

    `least` is what its budget keeps free for each task, 0 for a twin; None where nothing was promised to it. A job that
    is in a final state stays as it is.
    """
    job = lock_job(session, job_id=job_id)
    if job.state in (JobState.CANCELLING, *FINAL_STATES):
        return cancel_rest(session, job_id=job_id)
    kept = _give_up_unrouted(session, job=job, least=least)
    return _give_up_routed(session, job_id=job_id, kept=kept)


def cancel_rest(session: Session, *, job_id: int) -> bool:
    """Whether the job has come to its end; another piece, and what came back after it was cancelled, is given up.

    To be called until it has: batches that ran may be settled as retries, and groups of lost workers become ready.
    """
    state = read_job(session, job_id=job_id).state  # without a lock: most jobs are not being cancelled
    if state is not JobState.CANCELLING:
        return state in FINAL_STATES
    give_up_piece(session, job_id=job_id)
    return _give_up_routed(session, job_id=job_id, kept=0)


def give_up_piece(session: Session, *, job_id: int) -> bool:
    """Whether the job, which is being cancelled, has more tasks that were in no window."""
    job = lock_job(session, job_id=job_id)
    if job.state is not JobState.CANCELLING or job.cursor_seq == job.task_count:
        return False
    end = min(job.task_count, job.cursor_seq + max(1, PIECE_ANSWERS // len(job.arms)))
    piece = {"begin": job.cursor_seq, "end": end, "arms": list(job.arms)}
    session.execute(_GIVE_UP_PIECE, {"tenant_id": job.tenant_id, "job_id": job.id, **piece})
    session.execute(update(JobRow).where(JobRow.id == job.id).values(cursor_seq=end))
    return end < job.task_count


def _give_up_unrouted(session: Session, *, job: Job, least: NDArray[np.float64] | None) -> int:
    """What was kept free, in quanta, for tasks that are in no group."""
    session.execute(update(JobRow).where(JobRow.id == job.id).values(state=JobState.CANCELLING))
    seqs = [*_end_windows(session, job=job), *(row.seq for row in _give_up_waiting(session, job_id=job.id))]
    give_up_piece(session, job_id=job.id)
    return 0 if least is None else _sum_exactly(least[seqs]) + _sum_exactly(least[job.cursor_seq :])


def _give_up_routed(session: Session, *, job_id: int, kept: int) -> bool:
    """The same for what came back and for ready groups; `kept` more is kept free no longer."""
    kept += sum(int(row.least) for row in _give_up_waiting(session, job_id=job_id))
    # Locks the groups before the budget, as everybody does.
    disband_ready_groups(session, reason=RequeueReason.CANCELLED, job_id=job_id)
    if kept:
        take_back_promise(session, job_id=job_id, least=kept)
    return complete_job(session, job_id=job_id)


def _end_windows(session: Session, *, job: Job) -> list[int]:
    """The tasks of the job's open windows, given up; whoever routes one of them finds that it is lost."""
    ended = update(WindowRow).where(WindowRow.job_id == job.id, WindowRow.state != WindowState.ROUTED)
    ended = ended.values(
        state=WindowState.ROUTED, fence=WindowRow.fence + 1, lease_until=None, routed_at=func.clock_timestamp()
    )
    rows = session.execute(ended.returning(WindowRow.id, WindowRow.job_id, WindowRow.seqs))
    windows = [HeldWindow(**row._mapping) for row in rows]
    for window in windows:
        wanted = list_wanted(window, job=job, requeued=read_requeued(session, window_id=window.id))
        close_requeues(session, window_id=window.id)
        given_up = [NewRequeue(seq=seq, arm=arm, reason=RequeueReason.CANCELLED) for seq, arm in sorted(wanted)]
        insert_requeues(session, tenant_id=job.tenant_id, job_id=job.id, from_group_id=None, requeues=given_up)
    seqs = [seq for window in windows for seq in window.seqs]
    answered = list_kept(session, job_id=job.id, seqs=seqs)  # for their second chance nothing was kept free
    return [seq for seq in seqs if seq not in answered]


# A twin ends with the task that it repeats: here where that one is in the piece, else wherever that one is.
_GIVE_UP_PIECE = text("""
    INSERT INTO requeue (tenant_id, job_id, seq, arm, reason, attempt_no, excluded_strategy_ids)
    SELECT :tenant_id, :job_id, seq, arm, 'cancelled', 0, '{}' FROM (
        SELECT seq, arm
        FROM generate_series(CAST(:begin AS int), :end - 1) AS seq CROSS JOIN unnest(CAST(:arms AS bigint[])) AS arm
        WHERE NOT EXISTS (SELECT FROM twin WHERE job_id = :job_id AND twin.seq = seq.seq)
        UNION ALL
        SELECT seq, 0 FROM twin WHERE job_id = :job_id AND leader_seq >= :begin AND leader_seq < :end
    ) AS given_up
""")

_GIVE_UP_WAITING = text("""
    WITH ended AS (
        UPDATE requeue SET reason = 'cancelled'
        WHERE job_id = :job_id AND window_id IS NULL AND reason IN ('denied', 'retry', 'recalled')
        RETURNING seq, from_grp_id
    )
    SELECT ended.seq, CAST(coalesce(member.least, 0) AS text) AS least FROM ended
    LEFT JOIN grp ON grp.id = from_grp_id
    LEFT JOIN LATERAL (
        SELECT least FROM unnest(grp.seqs, grp.least) AS own (seq, least) WHERE own.seq = ended.seq
    ) AS member ON true
""")


_END_SECOND_CHANCES = text("""
    DELETE FROM requeue
    WHERE job_id = :job_id AND window_id IS NULL AND reason IN ('retry', 'recalled', 'second_chance')
      AND EXISTS (SELECT FROM kept_answer WHERE kept_answer.job_id = :job_id AND kept_answer.seq = requeue.seq)
    RETURNING seq
""")


def _give_up_waiting(session: Session, *, job_id: int) -> Sequence[Row[Any]]:
    """The tasks that waited to be routed again, with what is kept free for each according to the group it left.

    Those that have a kept answer end with it, and are not among them.
    """
    answered = list(session.execute(_END_SECOND_CHANCES, {"job_id": job_id}).scalars())
    restore_kept(session, job_id=job_id, seqs=answered)
    rows = session.execute(_GIVE_UP_WAITING, {"job_id": job_id}).all()
    if rows:
        seqs = [row.seq for row in rows]
        end_twins(session, job_id=job_id, leader_seqs=seqs, reason=RequeueReason.CANCELLED)
    return rows


def _sum_exactly(amounts: NDArray[np.float64]) -> int:
    """A float sum may fall below its own parts."""
    return sum(map(int, amounts.tolist()))
