"""After an outage of the database, the reconciler lets holders of leases go first."""

import asyncio

import pytest
from sqlalchemy import Engine as Database
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from db.leases import extend_lease
from db.session import session_scope
from tests.db.building import LEASE_SECONDS, build_claimed, end_leases, reserve
from worker.roles.reconciler_role import ReconcilerRole


class Clock:
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def cut_connections(database: Database) -> None:
    with database.begin() as connection:
        others = "datname = current_database() AND pid <> pg_backend_pid()"
        connection.execute(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"))


def states_of(database: Database) -> list[str]:
    with database.connect() as connection:
        return list(connection.execute(text("SELECT state FROM grp ORDER BY id")).scalars())


def test_leases_that_ended_in_an_outage_are_taken_back_only_after_their_holders_had_time(
    db_engine: Database, database_url: str
) -> None:
    _, group = build_claimed(db_engine, tasks=2)
    reserve(db_engine, group, [0, 1])
    own, clock = create_engine(database_url), Clock()
    role = ReconcilerRole(database=own, is_draining=lambda: False, ring=lambda _: None, lease_seconds=6.0, now=clock)
    asyncio.run(role.step())
    cut_connections(db_engine)
    end_leases(db_engine)
    with pytest.raises(OperationalError):
        asyncio.run(role.step())
    asyncio.run(role.step())
    assert states_of(db_engine) == ["claimed"]
    with session_scope(db_engine) as session:  # the holder is there, and may go on under its fence
        extend_lease(session, group_id=group.id, fence=group.fence, lease_seconds=LEASE_SECONDS)
    clock.seconds += 3.0
    asyncio.run(role.step())
    assert states_of(db_engine) == ["claimed"]
    end_leases(db_engine)
    asyncio.run(role.step())
    assert states_of(db_engine) == ["ready"]
    own.dispose()
