"""Budgets of a tenant, and the entries behind one of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.arrays import among
from db.budgets import BUDGET_COLUMNS, Budget
from db.states import EntryKind
from db.tables import BudgetRow, JobRow, LedgerEntryRow


@dataclass(frozen=True, kw_only=True)
class LedgerEntry:
    """One change of a budget; deltas are quanta of its unit."""

    id: int
    kind: EntryKind
    job_id: int | None
    cap_delta: int
    reserved_delta: int
    spent_delta: int
    burned_delta: int
    overrun_delta: int
    tasks: int
    created_at: datetime


_ENTRY_COLUMNS = [getattr(LedgerEntryRow, name) for name in LedgerEntry.__dataclass_fields__ if name != "tasks"] + [
    func.cardinality(LedgerEntryRow.seqs).label("tasks")
]


def list_budgets(session: Session, *, tenant_id: str, shared: bool, limit: int) -> list[Budget]:
    """Shared budgets, or those of single jobs; every period has its own row, the latest is first."""
    own = (BudgetRow.tenant_id == tenant_id, BudgetRow.shared == shared)
    rows = session.execute(select(*BUDGET_COLUMNS).where(*own).order_by(BudgetRow.id.desc()).limit(limit))
    return [Budget(**row._mapping) for row in rows]


def list_jobs_on(session: Session, *, budget_ids: Sequence[int], limit: int) -> Mapping[int, Sequence[int]]:
    """The latest jobs that draw on each of these budgets."""
    rows = select(JobRow.budget_id, func.array_agg(JobRow.id)).where(among(JobRow.budget_id, budget_ids))
    drawn = {budget_id: ids for budget_id, ids in session.execute(rows.group_by(JobRow.budget_id))}  # noqa: C416 - rows are not pairs to a type checker
    return {budget_id: sorted(ids, reverse=True)[:limit] for budget_id, ids in drawn.items()}


def list_entries(session: Session, *, budget_id: int, before: int | None, limit: int) -> list[LedgerEntry]:
    """Entries of a budget, the latest first, or those before one of them."""
    entries = select(*_ENTRY_COLUMNS).where(LedgerEntryRow.budget_id == budget_id)
    if before is not None:
        entries = entries.where(LedgerEntryRow.id < before)
    rows = session.execute(entries.order_by(LedgerEntryRow.id.desc()).limit(limit))
    return [LedgerEntry(**row._mapping) for row in rows]
