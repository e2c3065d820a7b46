"""A process that is frozen in the middle of a transaction holds nobody up for longer than a lease."""

import asyncio
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine as Database
from sqlalchemy import create_engine, select, text
from sqlalchemy.exc import DBAPIError

from db.budgets import open_budget
from db.session import is_outage, session_scope
from db.states import GroupState
from db.tables import GroupRow
from tests.db.building import build_claimed, end_leases
from tests.waiting import wait_until
from worker.database import end_frozen_transactions
from worker.roles.reconciler_role import LOCK_KEY, ReconcilerRole

LOCK_BUDGET = text("SELECT id FROM budget FOR NO KEY UPDATE")


@pytest.fixture
def frozen(database_url: str) -> Iterator[Database]:
    """The database as a worker sees it that will stand still."""
    database = create_engine(database_url)
    end_frozen_transactions(database, after_seconds=0.2)
    yield database
    database.dispose()


def test_what_a_frozen_process_has_locked_is_free_again(frozen: Database, db_engine: Database) -> None:
    with session_scope(db_engine) as session:
        open_budget(session, tenant_id="default", name="nightly", unit="FLOPs", cap=10)
    with frozen.connect() as connection:
        connection.execute(LOCK_BUDGET)
        with session_scope(db_engine) as session:
            session.execute(LOCK_BUDGET)  # waits until the other transaction is broken off
        with pytest.raises(DBAPIError) as thawed:
            connection.execute(LOCK_BUDGET)
        assert thawed.value.connection_invalidated
        assert is_outage(thawed.value)


def test_a_frozen_reconciler_does_not_keep_another_from_sweeping(frozen: Database, db_engine: Database) -> None:
    build_claimed(db_engine, tasks=1)
    end_leases(db_engine)
    with frozen.connect() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK_KEY})
        other = ReconcilerRole(database=db_engine, is_draining=lambda: False, ring=lambda _: None)

        def has_swept() -> bool:
            asyncio.run(other.step())
            with session_scope(db_engine) as session:
                return session.execute(select(GroupRow.state)).scalar_one() is GroupState.READY

        assert not has_swept()
        wait_until(has_swept)
        connection.invalidate()
