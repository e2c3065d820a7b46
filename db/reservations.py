"""Reservations: the worst case of a batch is held before its tasks are started."""

from collections.abc import Sequence

from sqlalchemy import bindparam, select, text
from sqlalchemy.orm import Session

from db.errors import BatchMismatch, JobHalted
from db.leases import HeldGroup, fenced_change, write_fenced
from db.ledger import Entry, post_entries
from db.states import EntryKind, JobState
from db.tables import GroupRow, JobRow
from db.tables.base import core_table, write_numbers

_GRP, _JOB = core_table(GroupRow), core_table(JobRow)
_START = fenced_change(next_batch_no=_GRP.c.next_batch_no + 1, started=_GRP.c.started + bindparam("tasks"))
# Of the job no lock is taken, which would break the lock order.
_READ = (
    select(_JOB.c.budget_id, _JOB.c.promised, _JOB.c.state, _JOB.c.paused, _GRP.c.seqs)
    .join(_GRP, _GRP.c.job_id == _JOB.c.id)
    .where(_GRP.c.id == bindparam("group_id"))
)

_LIST_STARTED = text("""
    SELECT seq FROM ledger_entry CROSS JOIN unnest(seqs) AS seq
    WHERE grp_id = :group_id AND fence = :fence AND kind = 'reserve' AND seq = ANY (CAST(:seqs AS int[]))
    ORDER BY seq
""")

_LIST_ENDED = text("""
    SELECT seq FROM outcome WHERE job_id = :job_id AND arm = :arm AND seq = ANY (CAST(:seqs AS int[]))
    UNION SELECT seq FROM requeue WHERE from_grp_id = :group_id AND seq = ANY (CAST(:seqs AS int[]))
    ORDER BY seq
""")


def reserve_batch(
    session: Session, *, group_id: int, fence: int, seqs: Sequence[int], amounts: Sequence[int], least: int = 0
) -> int:
    """The number of the batch, whose tasks count as started once the caller commits.

    What the budget promised to other tasks stays free; `least` of it was kept for these very tasks, and ends here.
    BudgetDenied reserves nothing; StaleFence; JobHalted; BatchMismatch for tasks that are no members of the group, or
    started or answered already. The caller rolls back.
    """
    group = write_fenced(session, _START, group_id=group_id, fence=fence, tasks=len(seqs))
    batch_no = group.next_batch_no - 1
    own = session.execute(_READ, {"group_id": group.id}).one()
    cancelled = own.state is JobState.CANCELLING
    if cancelled or own.paused:
        raise JobHalted(job_id=group.job_id, cancelled=cancelled)
    _require_startable(session, group=group, members=own.seqs, seqs=seqs, amounts=amounts)
    entry = Entry(kind=EntryKind.RESERVE, batch_no=batch_no, seqs=seqs, amounts=amounts, reserved_delta=sum(amounts))
    kept = -least if own.promised else 0
    post_entries(session, group=group, budget_id=own.budget_id, entries=[entry], kept_delta=kept)
    return batch_no


def _require_startable(
    session: Session, *, group: HeldGroup, members: Sequence[int], seqs: Sequence[int], amounts: Sequence[int]
) -> None:
    if not seqs or len(seqs) != len(amounts) or min(amounts) < 0:
        counts = f"{len(seqs)} tasks and {len(amounts)} amounts"
        raise BatchMismatch(f"a batch of group {group.id} needs tasks with an amount of at least 0 each, not {counts}")
    if len(set(seqs)) < len(seqs) or not set(members).issuperset(seqs):
        raise BatchMismatch(f"a batch of group {group.id} names tasks twice, or tasks of another group: {list(seqs)}")
    if taken := _list_taken(session, group=group, seqs=seqs):
        raise BatchMismatch(f"tasks {taken} of group {group.id} are started or answered already: leave them out")


def _list_taken(session: Session, *, group: HeldGroup, seqs: Sequence[int]) -> list[int]:
    """Those that can not be started. Where nobody held the group before, they can only be in a batch of our own."""
    is_first, is_fresh = group.next_batch_no == 2, group.fence == 1  # that number counts this batch as well
    if is_first and is_fresh:
        return []
    names = {"group_id": group.id, "seqs": write_numbers(seqs)}
    taken: list[int] = []
    if not is_first:
        taken += session.execute(_LIST_STARTED, {"fence": group.fence, **names}).scalars()
    if not is_fresh:
        taken += session.execute(_LIST_ENDED, {"job_id": group.job_id, "arm": group.arm, **names}).scalars()
    return sorted(set(taken))
