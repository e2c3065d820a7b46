"""Shared budgets: one of a name, one row a period, opened once whoever comes first."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, func, select

from db.budgets import Budget, raise_budget
from db.session import session_scope
from db.shared_budgets import begin_period, create_shared_budget, find_shared_budget, list_shared_budgets
from db.states import BudgetPeriod
from db.tables import BudgetRow
from tests.db.building import TENANT


def create(engine: Engine, name: str = "team", *, cap: int = 100, period: BudgetPeriod | None = None) -> int | None:
    with session_scope(engine) as session:
        return create_shared_budget(session, tenant_id=TENANT, name=name, unit="FLOPs", cap=cap, period=period)


def find(engine: Engine, name: str = "team", *, now: datetime | None = None) -> Budget:
    with session_scope(engine) as session:
        found = find_shared_budget(session, tenant_id=TENANT, name=name, now=now)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("period", "now", "start"),
    [
        (BudgetPeriod.NIGHTLY, "2026-03-04T11:59:59+00:00", "2026-03-03T12:00+00:00"),
        (BudgetPeriod.NIGHTLY, "2026-03-04T12:00:00+00:00", "2026-03-04T12:00+00:00"),
        (BudgetPeriod.NIGHTLY, "2026-03-04T13:30:00+02:00", "2026-03-03T12:00+00:00"),
        (BudgetPeriod.MONTHLY, "2026-03-31T23:59:59+00:00", "2026-03-01T00:00+00:00"),
        (BudgetPeriod.MONTHLY, "2026-04-01T01:00:00+02:00", "2026-03-01T00:00+00:00"),
    ],
)
def test_nights_begin_at_noon_and_months_on_their_first_day(period: BudgetPeriod, now: str, start: str) -> None:
    assert begin_period(period, now=datetime.fromisoformat(now)) == datetime.fromisoformat(start)


@given(
    period=st.sampled_from(BudgetPeriod),
    minutes=st.integers(0, 60 * 24 * 36_500),
    zone=st.integers(-12, 14).map(lambda hours: timezone(timedelta(hours=hours))),
)
def test_a_moment_is_in_the_period_that_it_begins(period: BudgetPeriod, minutes: int, zone: timezone) -> None:
    now = datetime(2000, 1, 2, tzinfo=zone) + timedelta(minutes=minutes)
    start = begin_period(period, now=now)
    longest = timedelta(days=1 if period is BudgetPeriod.NIGHTLY else 31)
    assert timedelta(0) <= now - start < longest
    assert begin_period(period, now=start) == start


def test_there_is_one_budget_of_a_name(db_engine: Engine) -> None:
    assert create(db_engine) is not None
    assert create(db_engine, cap=5) is None
    assert create(db_engine, period=BudgetPeriod.NIGHTLY) is None
    assert create(db_engine, "other", period=BudgetPeriod.MONTHLY) is not None
    with session_scope(db_engine) as session:
        assert [budget.name for budget in list_shared_budgets(session, tenant_id=TENANT)] == ["other", "team"]
        assert find_shared_budget(session, tenant_id=TENANT, name="nobody") is None
    assert find(db_engine).cap == 100


def test_a_new_period_begins_with_the_cap_of_the_one_before(db_engine: Engine) -> None:
    create(db_engine, period=BudgetPeriod.NIGHTLY)
    first = find(db_engine)
    with session_scope(db_engine) as session:
        raise_budget(session, budget_id=first.id, amount=20)
    assert first.period_start is not None
    later = find(db_engine, now=first.period_start + timedelta(days=3, hours=2))
    assert (later.cap, later.spent, later.kept) == (120, 0, 0)
    assert later.period_start == first.period_start + timedelta(days=3)
    assert find(db_engine, now=first.period_start).id == later.id  # a clock that was set back opens nothing


def test_a_period_is_opened_once_by_whoever_comes_first(db_engine: Engine) -> None:
    create(db_engine, period=BudgetPeriod.MONTHLY)
    later = datetime.now(UTC) + timedelta(days=40)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: find(db_engine, now=later).id, range(32)))
    assert len(set(found)) == 1
    with session_scope(db_engine) as session:
        assert session.execute(select(func.count()).select_from(BudgetRow)).scalar_one() == 2
