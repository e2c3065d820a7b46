"""The heartbeat: it keeps leases, notices lost ones and hung engines, and outlives a database that is away."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg
import pytest
from sqlalchemy import Engine as Database
from sqlalchemy import create_engine, select, text

from db.expiry import expire_leases
from db.session import session_scope
from db.tables import GroupRow
from tests.db.building import build_claimed, end_leases
from tests.waiting import wait_until
from worker.engine_activity import EngineActivity
from worker.heartbeat import Heartbeat, Held, Loss

LEASE_SECONDS = 0.3


def make_heartbeat(database: Database, *, stall_seconds: float = 60.0) -> Heartbeat:
    return Heartbeat(database, lease_seconds=LEASE_SECONDS, stall_seconds=stall_seconds)


def lease_until(database: Database, held: Held) -> object:
    with session_scope(database) as session:
        return session.execute(select(GroupRow.lease_until).where(GroupRow.id == held.group_id)).scalar_one()


@pytest.fixture
def held(db_engine: Database) -> Held:
    _, group = build_claimed(db_engine, tasks=2)
    return Held(group.id, group.fence)


def test_a_lease_is_kept_as_long_as_it_is_held(db_engine: Database, held: Held) -> None:
    losses: list[Loss] = []
    end_leases(db_engine, group_id=held.group_id)  # the first beat comes before anybody sweeps
    before = lease_until(db_engine, held)
    with make_heartbeat(db_engine) as heartbeat:
        heartbeat.hold(held, activity=EngineActivity(), on_lost=losses.append)
        wait_until(lambda: lease_until(db_engine, held) != before)
        first = lease_until(db_engine, held)
        wait_until(lambda: lease_until(db_engine, held) != first)
        heartbeat.drop(held)
    assert losses == []


def test_a_group_whose_lock_is_held_keeps_no_other_lease_waiting(db_engine: Database, held: Held) -> None:
    losses: list[Loss] = []
    _, other = build_claimed(db_engine, tasks=1)
    with make_heartbeat(db_engine) as heartbeat, db_engine.begin() as writing:
        writing.execute(text("SELECT FROM grp WHERE id = :id FOR NO KEY UPDATE"), {"id": held.group_id})
        heartbeat.hold(held, activity=EngineActivity(), on_lost=losses.append)
        second = Held(other.id, other.fence)
        before, own = lease_until(db_engine, second), lease_until(db_engine, held)
        heartbeat.hold(second, activity=EngineActivity(), on_lost=losses.append)
        wait_until(lambda: lease_until(db_engine, second) != before)
        assert lease_until(db_engine, held) == own
        writing.commit()
        wait_until(lambda: lease_until(db_engine, held) != own)
        heartbeat.drop(held)
        heartbeat.drop(second)
    assert losses == []


def test_a_lost_lease_is_told_once(db_engine: Database, held: Held) -> None:
    losses: list[Loss] = []
    end_leases(db_engine, group_id=held.group_id)
    with session_scope(db_engine) as session:
        assert expire_leases(session).groups == 1
    with make_heartbeat(db_engine) as heartbeat:
        heartbeat.hold(held, activity=EngineActivity(), on_lost=losses.append)
        wait_until(lambda: bool(losses))
        heartbeat.drop(held)
    assert losses == [Loss.TAKEN]


def test_an_engine_that_finishes_nothing_loses_its_groups(db_engine: Database, held: Held) -> None:
    losses: list[Loss] = []
    activity = EngineActivity()
    with make_heartbeat(db_engine, stall_seconds=0.2) as heartbeat, activity.asking():
        heartbeat.hold(held, activity=activity, on_lost=losses.append)
        wait_until(lambda: bool(losses))
    assert losses == [Loss.STALLED]


def test_an_engine_that_nobody_asks_is_not_hung(db_engine: Database, held: Held) -> None:
    activity = EngineActivity()
    with activity.asking():
        pass
    with make_heartbeat(db_engine, stall_seconds=1e-9) as heartbeat:
        losses: list[Loss] = []
        before = lease_until(db_engine, held)
        heartbeat.hold(held, activity=activity, on_lost=losses.append)
        wait_until(lambda: lease_until(db_engine, held) != before)
        heartbeat.drop(held)
    assert losses == []


def test_activity_is_measured_from_the_first_open_request_or_the_last_answer() -> None:
    activity = EngineActivity()
    assert activity.idle_seconds == 0.0
    with activity.asking():
        wait_until(lambda: activity.idle_seconds > 0.05)
        assert not activity.answered_since(0.0)
        activity.note_answer()
        assert activity.answered_since(0.0)
        assert activity.idle_seconds < 0.05
        wait_until(lambda: activity.idle_seconds > 0.05)
    assert activity.idle_seconds == 0.0
    with activity.asking():  # the time in between was nobody's fault
        assert activity.idle_seconds < 0.05


def test_busy_groups_do_not_keep_the_heartbeat_from_its_connection(db_engine: Database, held: Held) -> None:
    crowded = create_engine(db_engine.url, pool_size=1, max_overflow=0, pool_timeout=0.01)
    with closing(crowded.connect()), make_heartbeat(crowded) as heartbeat:
        before = lease_until(db_engine, held)
        heartbeat.hold(held, activity=EngineActivity(), on_lost=lambda _: None)
        wait_until(lambda: lease_until(db_engine, held) != before)
        heartbeat.drop(held)
    crowded.dispose()


def test_a_connection_that_breaks_is_replaced_at_the_next_beat(db_engine: Database, held: Held) -> None:
    losses: list[Loss] = []
    with make_heartbeat(db_engine) as heartbeat:
        heartbeat.hold(held, activity=EngineActivity(), on_lost=losses.append)
        before = lease_until(db_engine, held)
        wait_until(lambda: lease_until(db_engine, held) != before)
        with db_engine.connect() as connection:
            ended = connection.execute(
                text(
                    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            ).scalar_one()
        assert ended >= 1
        broken = lease_until(db_engine, held)
        wait_until(lambda: lease_until(db_engine, held) != broken)
        heartbeat.drop(held)
    assert losses == []
    assert not [thread for thread in threading.enumerate() if thread.name == "heartbeat"]


def test_a_database_that_is_away_for_a_moment_does_not_end_the_heartbeat(
    db_engine: Database, held: Held, server_url: str
) -> None:
    losses: list[Loss] = []
    with make_heartbeat(db_engine) as heartbeat, psycopg.connect(server_url, autocommit=True) as admin:
        heartbeat.hold(held, activity=EngineActivity(), on_lost=losses.append)
        before = lease_until(db_engine, held)
        wait_until(lambda: lease_until(db_engine, held) != before)
        db_engine.dispose()
        with database_closed(admin, str(db_engine.url.database)):
            missed_until = time.monotonic() + 2 * LEASE_SECONDS
            wait_until(lambda: time.monotonic() > missed_until)  # several beats find nobody
        missed = lease_until(db_engine, held)
        wait_until(lambda: lease_until(db_engine, held) != missed)
        heartbeat.drop(held)
    assert losses == []


@contextmanager
def database_closed(admin: psycopg.Connection, name: str) -> Iterator[None]:
    """No connection to the database is there, and none can be made, until the block ends."""
    admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false".encode())
    admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
    yield
    admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true".encode())
