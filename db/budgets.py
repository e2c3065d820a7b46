"""Budgets: opened, raised, lowered, read; and what they promise to tasks that wait."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.orm import Session

from db.errors import BudgetCommitted, NoSuchRow
from db.states import BudgetPeriod, EntryKind
from db.tables import BudgetRow, LedgerEntryRow


@dataclass(frozen=True, kw_only=True)
class Budget:
    """A budget as it stands; amounts are quanta of its unit."""

    id: int
    tenant_id: str
    name: str
    unit: str
    cap: int | None  # None: spending is counted, not limited
    reserved: int
    spent: int
    burned: int
    overrun: int
    kept: int | None  # kept free for the least worst cases of tasks not started; None: nothing is promised
    shared: bool
    period: BudgetPeriod | None
    period_start: datetime | None
    expected_tasks: int | None  # of all jobs that draw on it, in each period; None: nothing was said

    @property
    def left(self) -> int | None:
        """What may still be reserved; None without a cap."""
        return None if self.cap is None else self.cap - self.committed

    @property
    def committed(self) -> int:
        """What is spent, burned or reserved."""
        return self.spent + self.burned + self.reserved


BUDGET_COLUMNS = [getattr(BudgetRow, name) for name in Budget.__dataclass_fields__]


def open_budget(session: Session, *, tenant_id: str, name: str, unit: str, cap: int | None) -> int:
    """The id of a new budget, which one job draws on."""
    kept = None if cap is None else 0
    row = insert(BudgetRow).values(tenant_id=tenant_id, name=name, unit=unit, cap=cap, kept=kept)
    budget_id = session.execute(row.returning(BudgetRow.id)).scalar_one()
    if cap is not None:
        post_cap(session, tenant_id=tenant_id, budget_id=budget_id, kind=EntryKind.RAISE, amount=cap)
    return budget_id


def raise_budget(session: Session, *, budget_id: int, amount: int) -> Budget:
    """The budget with its cap grown by `amount` quanta."""
    if amount < 0:
        raise ValueError(f"budget {budget_id} can only be raised, not changed by {amount} quanta")
    grown = update(BudgetRow).where(BudgetRow.id == budget_id, BudgetRow.cap.is_not(None))
    tenant_id = session.execute(
        grown.values(cap=BudgetRow.cap + amount).returning(BudgetRow.tenant_id)
    ).scalar_one_or_none()
    if tenant_id is None:
        read_budget(session, budget_id=budget_id)  # says so when there is none
        raise ValueError(f"budget {budget_id} has no cap, so there is nothing to raise")
    post_cap(session, tenant_id=tenant_id, budget_id=budget_id, kind=EntryKind.RAISE, amount=amount)
    return read_budget(session, budget_id=budget_id)


def set_cap(session: Session, *, budget_id: int, cap: int) -> Budget:
    """The budget with this cap; BudgetCommitted, with nothing changed, where more is spent or reserved.

    What was promised to waiting tasks gives way: they are served first come, first served from then on.
    """
    before = _lock_budget(session, budget_id=budget_id)
    if before.cap is None:
        raise ValueError(f"budget {budget_id} has no cap, so there is nothing to change")
    if cap >= before.cap:
        return raise_budget(session, budget_id=budget_id, amount=cap - before.cap)
    if cap < before.committed:
        raise BudgetCommitted(
            budget_id=budget_id, budget_name=before.name, unit=before.unit, committed=before.committed, wanted=cap
        )
    promised = before.kept if before.kept is not None and before.committed + before.kept <= cap else None
    session.execute(update(BudgetRow).where(BudgetRow.id == budget_id).values(cap=cap, kept=promised))
    post_cap(session, tenant_id=before.tenant_id, budget_id=budget_id, kind=EntryKind.LOWER, amount=cap - before.cap)
    return read_budget(session, budget_id=budget_id)


def read_budget(session: Session, *, budget_id: int) -> Budget:
    """The budget as it stands; NoSuchRow when there is none."""
    return _one(session.execute(select(*BUDGET_COLUMNS).where(BudgetRow.id == budget_id)).one_or_none(), budget_id)


def post_cap(session: Session, *, tenant_id: str, budget_id: int, kind: EntryKind, amount: int) -> None:
    """Append the ledger's entry for a cap that has changed by `amount`."""
    entry = {"tenant_id": tenant_id, "budget_id": budget_id, "kind": kind, "cap_delta": amount}
    session.execute(insert(LedgerEntryRow).values(**entry, seqs=[], amounts=[]))


def _lock_budget(session: Session, *, budget_id: int) -> Budget:
    query = select(*BUDGET_COLUMNS).where(BudgetRow.id == budget_id).with_for_update(key_share=True)
    return _one(session.execute(query).one_or_none(), budget_id)


def _one(row: Row[Any] | None, budget_id: int) -> Budget:
    if row is None:
        raise NoSuchRow(table="budget", row_id=budget_id)
    return Budget(**row._mapping)
