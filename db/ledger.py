"""The ledger: entries are appended and the budget row is changed by the same amounts, in one place."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import case, exists, func, insert, or_, select, update
from sqlalchemy.orm import Session, aliased

from db.budgets import BUDGET_COLUMNS, Budget, read_budget
from db.errors import AlreadySettled, BatchMismatch, BudgetDenied
from db.leases import HeldGroup
from db.states import EntryKind
from db.tables import BudgetRow, LedgerEntryRow


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One change of a budget by a batch, in quanta."""

    kind: EntryKind
    batch_no: int
    seqs: Sequence[int]
    amounts: Sequence[int]  # of each task
    reserved_delta: int = 0
    spent_delta: int = 0
    burned_delta: int = 0
    overrun_delta: int = 0


_DELTAS = ("reserved_delta", "spent_delta", "burned_delta", "overrun_delta")


def post_entries(
    session: Session, *, group: HeldGroup, budget_id: int, entries: Sequence[Entry], kept_delta: int = 0
) -> Budget:
    """Append entries and change the budget by their sum; BudgetDenied, with nothing changed, if they do not fit.

    The budget as it then stands. `kept_delta` changes what it keeps free for tasks that wait. A reservation must leave
    that alone; a settlement, whose money is spent already, ends the promise where no longer enough is left for it.

    The condition is in the UPDATE itself: two batches that each fit alone can not both pass it.
    """
    reserved, spent, burned, overrun = (sum(getattr(entry, name) for entry in entries) for name in _DELTAS)
    committed = BudgetRow.spent + BudgetRow.burned + BudgetRow.reserved + (reserved + spent + burned)
    kept = BudgetRow.kept + kept_delta
    # Entries that hold nothing more were admitted before.
    needed = committed + func.coalesce(kept, 0) if reserved > 0 else committed
    changed = update(BudgetRow).where(BudgetRow.id == budget_id, or_(BudgetRow.cap.is_(None), needed <= BudgetRow.cap))
    changed = changed.values(
        reserved=BudgetRow.reserved + reserved,
        spent=BudgetRow.spent + spent,
        burned=BudgetRow.burned + burned,
        overrun=BudgetRow.overrun + overrun,
        kept=case((committed + kept <= BudgetRow.cap, kept), else_=None),
    )
    row = session.execute(changed.returning(*BUDGET_COLUMNS)).one_or_none()
    if row is None:
        raise _denied(session, budget_id=budget_id, needed=reserved)
    source = {"tenant_id": group.tenant_id, "budget_id": budget_id, "job_id": group.job_id}
    source |= {"grp_id": group.id, "fence": group.fence}
    session.execute(insert(LedgerEntryRow), [source | _values(entry) for entry in entries])
    return Budget(**row._mapping)


class OpenBatch(NamedTuple):
    """A batch that is reserved and not settled."""

    budget_id: int  # where it was reserved: it settles in its own period
    amounts: Mapping[int, int]  # reserved quanta of each task, by seq


def read_open_batch(session: Session, *, group: HeldGroup, batch_no: int) -> OpenBatch:
    """What the batch holds. BatchMismatch when there is no such batch, AlreadySettled."""
    columns = (LedgerEntryRow.kind, LedgerEntryRow.budget_id, LedgerEntryRow.seqs, LedgerEntryRow.amounts)
    entries = select(*columns).where(
        LedgerEntryRow.grp_id == group.id, LedgerEntryRow.fence == group.fence, LedgerEntryRow.batch_no == batch_no
    )
    by_kind = {row.kind: row for row in session.execute(entries)}
    reserve = by_kind.get(EntryKind.RESERVE)
    if reserve is None:
        raise BatchMismatch(f"group {group.id} has no batch {batch_no} under fence {group.fence}")
    if EntryKind.SETTLE in by_kind:
        raise AlreadySettled(group_id=group.id, batch_no=batch_no)
    return OpenBatch(reserve.budget_id, dict(zip(reserve.seqs, reserve.amounts, strict=True)))


def list_open_batches(session: Session, *, group: HeldGroup) -> list[int]:
    """Numbers of the batches that are reserved under this fence and not settled."""
    end = aliased(LedgerEntryRow)
    ended = exists().where(
        end.grp_id == LedgerEntryRow.grp_id,
        end.fence == LedgerEntryRow.fence,
        end.batch_no == LedgerEntryRow.batch_no,
        end.kind.in_([EntryKind.SETTLE, EntryKind.BURN]),
    )
    query = select(LedgerEntryRow.batch_no).where(
        LedgerEntryRow.grp_id == group.id,
        LedgerEntryRow.fence == group.fence,
        LedgerEntryRow.kind == EntryKind.RESERVE,
        ~ended,
    )
    return [batch_no for batch_no in session.execute(query).scalars() if batch_no is not None]


def _values(entry: Entry) -> dict[str, object]:
    deltas = {name: getattr(entry, name) for name in _DELTAS}
    return {
        "kind": entry.kind,
        "batch_no": entry.batch_no,
        "seqs": list(entry.seqs),
        "amounts": list(entry.amounts),
        **deltas,
    }


def _denied(session: Session, *, budget_id: int, needed: int) -> BudgetDenied:
    budget = read_budget(session, budget_id=budget_id)
    return BudgetDenied(
        budget_id=budget.id,
        budget_name=budget.name,
        unit=budget.unit,
        left=budget.left or 0,
        kept=budget.kept or 0,
        needed=needed,
    )
