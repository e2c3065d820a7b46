"""Budgets: opened, raised, read."""

from dataclasses import dataclass

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from db.errors import NoSuchRow
from db.states import EntryKind
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

    @property
    def left(self) -> int | None:
        """What may still be reserved; None without a cap."""
        return None if self.cap is None else self.cap - self.spent - self.burned - self.reserved


BUDGET_COLUMNS = [getattr(BudgetRow, name) for name in Budget.__dataclass_fields__]


def open_budget(session: Session, *, tenant_id: str, name: str, unit: str, cap: int | None) -> int:
    """The id of a new budget."""
    row = insert(BudgetRow).values(tenant_id=tenant_id, name=name, unit=unit, cap=cap).returning(BudgetRow.id)
    budget_id = session.execute(row).scalar_one()
    if cap is not None:
        _post_raise(session, tenant_id=tenant_id, budget_id=budget_id, amount=cap)
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
    _post_raise(session, tenant_id=tenant_id, budget_id=budget_id, amount=amount)
    return read_budget(session, budget_id=budget_id)


def read_budget(session: Session, *, budget_id: int) -> Budget:
    """The budget as it stands; NoSuchRow when there is none."""
    row = session.execute(select(*BUDGET_COLUMNS).where(BudgetRow.id == budget_id)).one_or_none()
    if row is None:
        raise NoSuchRow(table="budget", row_id=budget_id)
    return Budget(**row._mapping)


def _post_raise(session: Session, *, tenant_id: str, budget_id: int, amount: int) -> None:
    entry = {"tenant_id": tenant_id, "budget_id": budget_id, "kind": EntryKind.RAISE, "cap_delta": amount}
    session.execute(insert(LedgerEntryRow).values(**entry, seqs=[], amounts=[]))
