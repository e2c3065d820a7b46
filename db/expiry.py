"""Expiry: what lost workers held is burned or given back, and is ready for others."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from db.states import GroupState, WindowState
from db.tables import GroupRow, WindowRow


@dataclass(frozen=True, kw_only=True)
class Expired:
    """What one sweep took back."""

    groups: int
    windows: int
    burned: int  # quanta, over all budgets
    burned_tasks: int


def expire_leases(session: Session, *, job_id: int | None = None) -> Expired:
    """Take back every group and window whose lease is over, burning batches that were started and never settled.

    Must be committed as one transaction. Where the database's clock was set back, leases from its future first become
    as long as they were meant. Locks windows, groups, budgets, in this order; what its owner is writing at
    this moment is passed over until the next sweep.
    """
    windows = _free_windows(session, job_id=job_id)
    session.execute(_SHORTEN)
    lost = _free_groups(session, job_id=job_id)
    if not lost:
        return Expired(groups=0, windows=windows, burned=0, burned_tasks=0)
    fences = {"group_ids": list(lost), "fences": list(lost.values())}
    burned = session.execute(_BURN, fences).all()
    session.execute(_COUNT_BACK, fences)
    session.execute(_RECORD_ATTEMPTS, fences)
    touched = {"budget_ids": [row.budget_id for row in burned], "job_ids": [row.job_id for row in burned]}
    session.execute(_LOCK_BUDGETS, touched)
    session.execute(_CHARGE, fences)
    session.execute(_KEEP_AGAIN, fences)
    return Expired(
        groups=len(lost),
        windows=windows,
        burned=sum(int(row.burned_delta) for row in burned),
        burned_tasks=sum(row.task_count for row in burned),
    )


_SHORTEN = text("""
    UPDATE grp SET heartbeat_at = clock_timestamp(),
                   lease_until = clock_timestamp() + (grp.lease_until - grp.heartbeat_at)
    FROM (SELECT id FROM grp WHERE state = 'claimed' AND heartbeat_at > clock_timestamp()
          ORDER BY id FOR UPDATE SKIP LOCKED) AS ahead
    WHERE grp.id = ahead.id
""")

# Under a fence that was just ended, a reservation without settlement belongs to tasks that may have reached an engine.
_BURN = text("""
    INSERT INTO ledger_entry (tenant_id, budget_id, job_id, grp_id, fence, batch_no, kind, reserved_delta, burned_delta,
                              seqs, amounts)
    SELECT tenant_id, budget_id, job_id, grp_id, fence, batch_no, 'burn', - reserved_delta, reserved_delta,
           seqs, amounts
    FROM ledger_entry AS started
    JOIN unnest(CAST(:group_ids AS bigint[]), CAST(:fences AS bigint[])) AS lost (group_id, ended_fence)
      ON started.grp_id = lost.group_id AND started.fence = lost.ended_fence
    WHERE kind = 'reserve' AND NOT EXISTS (
        SELECT FROM ledger_entry AS ended WHERE ended.grp_id = started.grp_id AND ended.fence = started.fence
        AND ended.batch_no = started.batch_no AND ended.kind IN ('settle', 'burn'))
    RETURNING budget_id, job_id, burned_delta, cardinality(seqs) AS task_count
""")

_RECORD_ATTEMPTS = text("""
    INSERT INTO attempt (tenant_id, grp_id, fence, seq, job_id, error_code, error_message, cost)
    SELECT tenant_id, grp_id, fence, task.seq, job_id, 'lease_expired', 'its worker was lost while it ran', task.amount
    FROM ledger_entry
    JOIN unnest(CAST(:group_ids AS bigint[]), CAST(:fences AS bigint[])) AS lost (group_id, ended_fence)
      ON grp_id = lost.group_id AND fence = lost.ended_fence AND kind = 'burn'
    CROSS JOIN unnest(seqs, amounts) AS task (seq, amount)
""")

# Those that were charged, and those that the jobs draw on now, which may be of a later period.
_LOCK_BUDGETS = text("""
    SELECT id FROM budget
    WHERE id = ANY (CAST(:budget_ids AS bigint[]))
       OR id IN (SELECT budget_id FROM job WHERE id = ANY (CAST(:job_ids AS bigint[])))
    ORDER BY id FOR NO KEY UPDATE
""")

_CHARGE = text("""
    UPDATE budget SET reserved = reserved - total.burned, burned = budget.burned + total.burned
    FROM (SELECT budget_id, sum(burned_delta) AS burned
          FROM ledger_entry
          JOIN unnest(CAST(:group_ids AS bigint[]), CAST(:fences AS bigint[])) AS lost (group_id, ended_fence)
            ON grp_id = lost.group_id AND fence = lost.ended_fence AND kind = 'burn'
          GROUP BY budget_id) AS total
    WHERE budget.id = total.budget_id
""")

# What was burned has to be started again: it is kept free again, or nothing is where too little is left for that.
_KEEP_AGAIN = text("""
    UPDATE budget
    SET kept = CASE WHEN spent + burned + reserved + kept + total.least <= cap THEN kept + total.least END
    FROM (SELECT job.budget_id, sum(again.least) AS least
          FROM ledger_entry
          JOIN unnest(CAST(:group_ids AS bigint[]), CAST(:fences AS bigint[])) AS lost (group_id, ended_fence)
            ON grp_id = lost.group_id AND fence = lost.ended_fence AND kind = 'burn'
          JOIN grp ON grp.id = grp_id
          JOIN job ON job.id = grp.job_id AND job.promised
          CROSS JOIN LATERAL (
              SELECT coalesce(sum(member.least), 0) AS least
              FROM unnest(grp.seqs, grp.least) AS member (seq, least) WHERE member.seq = ANY (ledger_entry.seqs)
          ) AS again
          GROUP BY job.budget_id) AS total
    WHERE budget.id = total.budget_id
""")

_COUNT_BACK = text("""
    UPDATE grp SET started = started - total.tasks
    FROM (SELECT grp_id, sum(cardinality(seqs)) AS tasks FROM ledger_entry
          JOIN unnest(CAST(:group_ids AS bigint[]), CAST(:fences AS bigint[])) AS lost (group_id, ended_fence)
            ON grp_id = lost.group_id AND fence = lost.ended_fence AND kind = 'burn'
          GROUP BY grp_id) AS total
    WHERE grp.id = total.grp_id
""")


def _free_windows(session: Session, *, job_id: int | None) -> int:
    over = select(WindowRow.id).where(
        WindowRow.state == WindowState.CLAIMED, WindowRow.lease_until < func.clock_timestamp()
    )
    if job_id is not None:
        over = over.where(WindowRow.job_id == job_id)
    over = over.order_by(WindowRow.id).with_for_update(skip_locked=True)
    freed = update(WindowRow).where(WindowRow.id.in_(select(over.cte("over").c.id)))
    freed = freed.values(state=WindowState.READY, fence=WindowRow.fence + 1, owner=None, lease_until=None)
    return len(session.execute(freed.returning(WindowRow.id)).all())


def _free_groups(session: Session, *, job_id: int | None) -> Mapping[int, int]:
    """The fence under which each of them was lost, by group id."""
    over = select(GroupRow.id).where(
        GroupRow.state == GroupState.CLAIMED, GroupRow.lease_until < func.clock_timestamp()
    )
    if job_id is not None:
        over = over.where(GroupRow.job_id == job_id)
    over = over.order_by(GroupRow.id).with_for_update(skip_locked=True)
    freed = update(GroupRow).where(GroupRow.id.in_(select(over.cte("over").c.id)))
    freed = freed.values(state=GroupState.READY, fence=GroupRow.fence + 1, owner=None, lease_until=None)
    rows = session.execute(freed.returning(GroupRow.id, (GroupRow.fence - 1).label("ended_fence")))
    return {row.id: row.ended_fence for row in rows}
