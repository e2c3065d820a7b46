"""Reservations: the worst case of a batch is held before its tasks are started."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.errors import BatchMismatch
from db.leases import HeldGroup, write_fenced
from db.ledger import Entry, post_entries
from db.states import EntryKind
from db.tables import GroupRow

_LIST_TAKEN = text("""
    SELECT seq FROM outcome WHERE job_id = :job_id AND arm = :arm AND seq = ANY (CAST(:seqs AS int[]))
    UNION SELECT seq FROM requeue WHERE from_grp_id = :group_id AND seq = ANY (CAST(:seqs AS int[]))
    UNION SELECT seq FROM ledger_entry CROSS JOIN unnest(seqs) AS seq
          WHERE grp_id = :group_id AND fence = :fence AND kind = 'reserve' AND seq = ANY (CAST(:seqs AS int[]))
    ORDER BY seq
""")


def reserve_batch(
    session: Session, *, group_id: int, fence: int, seqs: Sequence[int], amounts: Sequence[int], keep_free: int = 0
) -> int:
    """The number of the batch, whose tasks count as started once the caller commits.

    `keep_free` quanta stay unreserved, for tasks that come later. BudgetDenied reserves nothing, and the transaction
    stays usable; StaleFence; BatchMismatch for tasks that are no
    members of the group, or started or answered already.
    """
    group = write_fenced(session, group_id=group_id, fence=fence, next_batch_no=GroupRow.next_batch_no + 1)
    batch_no = group.next_batch_no - 1
    _require_startable(session, group=group, seqs=seqs, amounts=amounts)
    entry = Entry(kind=EntryKind.RESERVE, batch_no=batch_no, seqs=seqs, amounts=amounts, reserved_delta=sum(amounts))
    post_entries(session, group=group, entries=[entry], keep_free=keep_free)
    return batch_no


def _require_startable(session: Session, *, group: HeldGroup, seqs: Sequence[int], amounts: Sequence[int]) -> None:
    if not seqs or len(seqs) != len(amounts) or min(amounts) < 0:
        counts = f"{len(seqs)} tasks and {len(amounts)} amounts"
        raise BatchMismatch(f"a batch of group {group.id} needs tasks with an amount of at least 0 each, not {counts}")
    if len(set(seqs)) < len(seqs) or not set(seqs) <= set(group.seqs):
        raise BatchMismatch(f"a batch of group {group.id} names tasks twice, or tasks of another group: {list(seqs)}")
    names = {"job_id": group.job_id, "arm": group.arm, "group_id": group.id, "fence": group.fence}
    if taken := list(session.execute(_LIST_TAKEN, {"seqs": list(seqs), **names}).scalars()):
        raise BatchMismatch(f"tasks {taken} of group {group.id} are started or answered already: leave them out")
