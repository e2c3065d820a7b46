"""The ledger: entries are appended and the budget row is changed by the same amounts, in one place."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Select,
    Update,
    bindparam,
    case,
    cast,
    exists,
    func,
    insert,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.orm import Session, aliased

from db.budgets import Budget, read_budget
from db.errors import AlreadySettled, BatchMismatch, BudgetDenied
from db.leases import HeldGroup
from db.states import EntryKind
from db.tables import BudgetRow, LedgerEntryRow
from db.tables.base import Quanta, core_table


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
    deltas = {name: sum(getattr(entry, name) for entry in entries) for name in _DELTAS}
    # What holds nothing more was admitted before.
    change = _make_change(entries=len(entries), leaves_kept=deltas["reserved_delta"] > 0)
    names: dict[str, object] = {"account_id": budget_id, "kept_delta": kept_delta, **deltas}
    names |= {"of_tenant_id": group.tenant_id, "of_job_id": group.job_id}
    names |= {"of_grp_id": group.id, "of_fence": group.fence}
    names |= {f"{name}_{place}": getattr(entry, name) for place, entry in enumerate(entries) for name in _VALUES}
    row = session.execute(change, names).one_or_none()
    if row is None:
        raise _denied(session, budget_id=budget_id, needed=deltas["reserved_delta"])
    return Budget(**row._mapping)


@cache
def _make_change(*, entries: int, leaves_kept: bool) -> Select[Any]:
    """One statement: from its change to our commit everybody else who draws on the budget waits."""
    changed = _change_budget(leaves_kept=leaves_kept).cte("changed")
    source = [_bind(f"of_{name}", name) for name in _SOURCE]
    rows = [
        select(changed.c.id, *source, *(_bind(f"{name}_{place}", name) for name in _VALUES)).select_from(changed)
        for place in range(entries)
    ]
    appended = insert(_ENTRY).from_select(["budget_id", *_SOURCE, *_VALUES], union_all(*rows)).cte("appended")
    return select(changed).add_cte(appended)


def _bind(name: str, column: str) -> ColumnElement[Any]:
    kind = _ENTRY.c[column].type
    return cast(bindparam(name, type_=kind), kind)


def _change_budget(*, leaves_kept: bool) -> Update:
    delta = {name: bindparam(name, type_=Quanta()) for name in (*_DELTAS, "kept_delta")}
    more = delta["reserved_delta"] + delta["spent_delta"] + delta["burned_delta"]
    committed = _BUDGET.c.spent + _BUDGET.c.burned + _BUDGET.c.reserved + more
    kept = _BUDGET.c.kept + delta["kept_delta"]
    needed = committed + func.coalesce(kept, 0) if leaves_kept else committed
    fits = or_(_BUDGET.c.cap.is_(None), needed <= _BUDGET.c.cap)
    changed = update(_BUDGET).where(_BUDGET.c.id == bindparam("account_id"), fits)
    changed = changed.values(
        reserved=_BUDGET.c.reserved + delta["reserved_delta"],
        spent=_BUDGET.c.spent + delta["spent_delta"],
        burned=_BUDGET.c.burned + delta["burned_delta"],
        overrun=_BUDGET.c.overrun + delta["overrun_delta"],
        kept=case((committed + kept <= _BUDGET.c.cap, kept), else_=None),
    )
    return changed.returning(*(_BUDGET.c[name] for name in Budget.__dataclass_fields__))


_BUDGET, _ENTRY = core_table(BudgetRow), core_table(LedgerEntryRow)
_SOURCE = ("tenant_id", "job_id", "grp_id", "fence")
_VALUES = ("kind", "batch_no", "seqs", "amounts", *_DELTAS)
_READ_BATCH = select(_ENTRY.c.kind, _ENTRY.c.budget_id, _ENTRY.c.seqs, _ENTRY.c.amounts).where(
    _ENTRY.c.grp_id == bindparam("grp_id"),
    _ENTRY.c.fence == bindparam("fence"),
    _ENTRY.c.batch_no == bindparam("batch_no"),
)


class OpenBatch(NamedTuple):
    """A batch that is reserved and not settled."""

    budget_id: int  # where it was reserved: it settles in its own period
    amounts: Mapping[int, int]  # reserved quanta of each task, by seq


def read_open_batch(session: Session, *, group: HeldGroup, batch_no: int) -> OpenBatch:
    """What the batch holds. BatchMismatch when there is no such batch, AlreadySettled."""
    names = {"grp_id": group.id, "fence": group.fence, "batch_no": batch_no}
    by_kind = {row.kind: row for row in session.execute(_READ_BATCH, names)}
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
