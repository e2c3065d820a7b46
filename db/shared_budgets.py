"""Shared budgets: found by their name, with a row for each of their periods."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from db.budgets import BUDGET_COLUMNS, Budget, post_cap
from db.states import BudgetPeriod, EntryKind
from db.tables import BudgetRow

NOON = timedelta(hours=12)


def begin_period(period: BudgetPeriod, *, now: datetime) -> datetime:
    """When the period that `now` is in began: a night at noon in UTC, a month on its first day."""
    if period is BudgetPeriod.NIGHTLY:
        return (now.astimezone(UTC) - NOON).replace(hour=12, minute=0, second=0, microsecond=0)
    return now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def read_clock(session: Session) -> datetime:
    """Now, by the database's clock."""
    now: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
    return now


def create_shared_budget(
    session: Session,
    *,
    tenant_id: str,
    name: str,
    unit: str,
    cap: int,
    period: BudgetPeriod | None,
    expected_tasks: int | None = None,
    now: datetime | None = None,
) -> int | None:
    """The id of a new shared budget; None when there is one of that name."""
    if _read_newest(session, tenant_id=tenant_id, name=name) is not None:
        return None
    start = None if period is None else begin_period(period, now=now or read_clock(session))
    return _open(
        session,
        tenant_id=tenant_id,
        name=name,
        unit=unit,
        cap=cap,
        period=period,
        start=start,
        expected_tasks=expected_tasks,
    )


def find_shared_budget(session: Session, *, tenant_id: str, name: str, now: datetime | None = None) -> Budget | None:
    """The budget in its present period, opened as the one before was; None when there is no such."""
    newest = _read_newest(session, tenant_id=tenant_id, name=name)
    if newest is None or newest.period is None or newest.period_start is None:
        return newest
    start = begin_period(newest.period, now=now or read_clock(session))
    if newest.period_start >= start:
        return newest
    assert newest.cap is not None
    # Whoever comes second waits for the first one here, and finds its row.
    _open(
        session,
        tenant_id=tenant_id,
        name=name,
        unit=newest.unit,
        cap=newest.cap,
        period=newest.period,
        start=start,
        expected_tasks=newest.expected_tasks,
    )
    return _read_newest(session, tenant_id=tenant_id, name=name)


def list_shared_budgets(session: Session, *, tenant_id: str) -> list[Budget]:
    """Every shared budget by name, in its present period."""
    names = select(BudgetRow.name).where(BudgetRow.tenant_id == tenant_id, BudgetRow.shared).distinct()
    found = [
        find_shared_budget(session, tenant_id=tenant_id, name=name)
        for name in session.execute(names.order_by(BudgetRow.name)).scalars().all()
    ]
    return [budget for budget in found if budget is not None]


def _open(
    session: Session,
    *,
    tenant_id: str,
    name: str,
    unit: str,
    cap: int,
    period: BudgetPeriod | None,
    start: datetime | None,
    expected_tasks: int | None,
) -> int | None:
    row = insert(BudgetRow).values(
        tenant_id=tenant_id,
        name=name,
        unit=unit,
        cap=cap,
        shared=True,
        period=period,
        period_start=start,
        expected_tasks=expected_tasks,
    )
    key = ["tenant_id", "name", "period_start"]
    row = row.on_conflict_do_nothing(index_elements=key, index_where=text("shared"))
    budget_id = session.execute(row.returning(BudgetRow.id)).scalar_one_or_none()
    if budget_id is not None:
        post_cap(session, tenant_id=tenant_id, budget_id=budget_id, kind=EntryKind.RAISE, amount=cap)
    return budget_id


def _read_newest(session: Session, *, tenant_id: str, name: str) -> Budget | None:
    rows = select(*BUDGET_COLUMNS).where(BudgetRow.tenant_id == tenant_id, BudgetRow.name == name, BudgetRow.shared)
    row = session.execute(rows.order_by(BudgetRow.period_start.desc().nulls_last()).limit(1)).one_or_none()
    return None if row is None else Budget(**row._mapping)
