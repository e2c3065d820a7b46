"""The database's clock is set back: what it noted in its future holds nobody up for so long.

A clock set back is the same as rows set forward, which is what these tests do.
"""

from datetime import datetime, timedelta

from sqlalchemy import Engine, func, select, update

from db.breakers import list_open_breakers, note_failure
from db.expiry import expire_leases
from db.open_work import list_routable_jobs
from db.session import session_scope
from db.tables import BreakerRow, GroupRow, RequeueRow
from db.windows import claim_window
from tests.db.building import LEASE_SECONDS, build_claimed, build_job, finish, reserve, retry, settle

HOUR = timedelta(hours=1)


def set_forward(engine: Engine, table: type, *columns: str) -> None:
    with session_scope(engine) as session:
        session.execute(update(table).values({name: getattr(table, name) + HOUR for name in columns}))


def read_lease_seconds(engine: Engine) -> float:
    """How long the one lease still lasts."""
    left = func.extract("epoch", GroupRow.lease_until - func.clock_timestamp())
    with session_scope(engine) as session:
        return float(session.execute(select(left)).scalar_one())


def test_a_lease_becomes_as_long_as_it_was_meant(db_engine: Engine) -> None:
    _, group = build_claimed(db_engine, tasks=1)
    set_forward(db_engine, GroupRow, "lease_until", "heartbeat_at")
    assert read_lease_seconds(db_engine) > HOUR.total_seconds()
    with session_scope(db_engine) as session:
        assert expire_leases(session).groups == 0
    assert LEASE_SECONDS - 10 < read_lease_seconds(db_engine) <= LEASE_SECONDS
    finish(db_engine, group, hand_back=[0])  # its owner lost nothing


def test_a_lease_that_is_right_is_left_alone(db_engine: Engine) -> None:
    build_claimed(db_engine, tasks=1)
    with session_scope(db_engine) as session:
        before = session.execute(select(GroupRow.lease_until)).scalar_one()
        expire_leases(session)
        after: datetime | None = session.execute(select(GroupRow.lease_until)).scalar_one()
    assert after == before


def test_a_task_that_came_back_is_due(db_engine: Engine) -> None:
    job, group = build_claimed(db_engine, tasks=1)
    settle(db_engine, group, reserve(db_engine, group, [0]), [], [retry(0, delay_seconds=60.0)])
    finish(db_engine, group)
    with session_scope(db_engine) as session:
        assert list_routable_jobs(session) == []
    set_forward(db_engine, RequeueRow, "not_before", "created_at")
    with session_scope(db_engine) as session:
        assert [due.job.id for due in list_routable_jobs(session)] == [job.id]
        window = claim_window(session, job_id=job.id, size=10, owner="router", lease_seconds=LEASE_SECONDS)
    assert window is not None
    assert window.seqs == [0]


def test_a_strategy_is_not_left_alone_any_longer(db_engine: Engine) -> None:
    with session_scope(db_engine) as session:
        strategy_id = build_job(session, tasks=1).strategy_ids[0]
        pauses = {"threshold": 1, "pause_seconds": 30.0, "longest_pause_seconds": 600.0}
        assert note_failure(session, strategy_id=strategy_id, reason="it fails", **pauses)  # type: ignore[arg-type]  # by name
        assert len(list_open_breakers(session)) == 1
    set_forward(db_engine, BreakerRow, "open_until", "changed_at")
    with session_scope(db_engine) as session:
        assert list_open_breakers(session) == []
