"""Requeue rows: a task's way back to routing, or its final reason for having no outcome."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import func, text, update
from sqlalchemy.orm import Session

from db.kept_answers import restore_kept
from db.states import FINAL_REASONS, RequeueReason
from db.tables import RequeueRow


class Arm(NamedTuple):
    """One answer that a job needs: a task, in a run's only arm (0) or in a strategy's arm of a calibration."""

    seq: int
    arm: int


@dataclass(frozen=True, kw_only=True)
class NewRequeue:
    """A task on its way back."""

    seq: int
    arm: int
    reason: RequeueReason
    executed: bool = False  # whether an execution lies behind it, which counts as an attempt
    excluded_strategy_id: int | None = None  # joins those excluded before
    delay_seconds: float = 0.0


# Money that is short is for tasks that have no answer yet.
_ENDS_A_SECOND_CHANCE = FINAL_REASONS | {RequeueReason.DENIED}

# Attempts and exclusions add up over a task's life: each row takes over those of the row before it.
_INSERT = text("""
    INSERT INTO requeue (tenant_id, job_id, seq, arm, from_grp_id, reason,
                         attempt_no, excluded_strategy_ids, not_before)
    SELECT :tenant_id, :job_id, new.seq, new.arm, :from_group_id, new.reason,
           coalesce(past.attempt_no, 0) + new.executed,
           CASE WHEN new.excluded IS NULL OR new.excluded = ANY (past.excluded_strategy_ids)
                THEN coalesce(past.excluded_strategy_ids, '{}')
                ELSE array_append(past.excluded_strategy_ids, new.excluded) END,
           clock_timestamp() + make_interval(secs => new.delay_seconds)
    FROM unnest(CAST(:seqs AS int[]), CAST(:arms AS bigint[]), CAST(:reasons AS text[]), CAST(:executed AS int[]),
                CAST(:excluded AS bigint[]), CAST(:delays AS float8[]))
         AS new (seq, arm, reason, executed, excluded, delay_seconds)
    LEFT JOIN LATERAL (
        SELECT attempt_no, excluded_strategy_ids FROM requeue
        WHERE job_id = :job_id AND seq = new.seq AND arm = new.arm ORDER BY id DESC LIMIT 1
    ) AS past ON true
""")


def insert_requeues(
    session: Session, *, tenant_id: str, job_id: int, from_group_id: int | None, requeues: Collection[NewRequeue]
) -> None:
    """Store the rows; a task that waits already can not wait twice.

    One that ends here or was denied, and has a kept answer, ends with that instead.
    """
    ending = [row.seq for row in requeues if row.reason in _ENDS_A_SECOND_CHANCE]
    if answered := restore_kept(session, job_id=job_id, seqs=ending):
        requeues = [row for row in requeues if row.seq not in answered]
    if not requeues:
        return
    arrays = {
        "seqs": [row.seq for row in requeues],
        "arms": [row.arm for row in requeues],
        "reasons": [row.reason.value for row in requeues],
        "executed": [int(row.executed) for row in requeues],
        "excluded": [row.excluded_strategy_id for row in requeues],
        "delays": [float(row.delay_seconds) for row in requeues],
    }
    session.execute(_INSERT, {"tenant_id": tenant_id, "job_id": job_id, "from_group_id": from_group_id, **arrays})
    for reason in FINAL_REASONS:
        if seqs := [row.seq for row in requeues if row.reason is reason]:
            end_twins(session, job_id=job_id, leader_seqs=seqs, reason=reason)


def close_requeues(session: Session, *, window_id: int) -> None:
    """The rows that a window took become past, which frees the tasks to be requeued again."""
    taken = update(RequeueRow).where(RequeueRow.window_id == window_id, RequeueRow.routed_at.is_(None))
    session.execute(taken.values(routed_at=func.clock_timestamp()))


_END_TWINS = text("""
    INSERT INTO requeue (tenant_id, job_id, seq, arm, reason, attempt_no, excluded_strategy_ids)
    SELECT tenant_id, job_id, seq, 0, :reason, 0, '{}' FROM twin
    WHERE job_id = :job_id AND leader_seq = ANY (CAST(:leader_seqs AS int[]))
""")


def end_twins(session: Session, *, job_id: int, leader_seqs: Sequence[int], reason: RequeueReason) -> None:
    """A twin has no life of its own: the final reason of the task that it repeats is its own as well."""
    ended = {"job_id": job_id, "leader_seqs": list(leader_seqs), "reason": reason.value}
    session.execute(_END_TWINS, ended)
