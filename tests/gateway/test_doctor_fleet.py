"""What the doctor finds of a fleet: workers that are lost or missing, groups that wait, strategies that fail."""

from collections.abc import Sequence

from sqlalchemy import Engine as Database
from sqlalchemy import text

from db.breakers import note_failure
from db.session import run_in_transaction, session_scope
from db.training_requests import request_training
from db.workers import note_worker
from gateway.doctor.finding import Finding
from gateway.doctor.fleet import look_at_breakers, look_at_requests, look_at_workers
from tests.db.building import TENANT, build_job, route
from tests.gateway.findings import find, is_ill


def test_an_open_breaker_is_shown_with_its_reason(db_engine: Database) -> None:
    with session_scope(db_engine) as session:
        assert find(look_at_breakers, session) == []
        job = build_job(session, tasks=1)
        note_failure(
            session,
            strategy_id=job.strategy_ids[0],
            reason="connection refused",
            threshold=1,
            pause_seconds=60.0,
            longest_pause_seconds=60.0,
        )
        assert is_ill(find(look_at_breakers, session), "strategy s0 keeps failing", "connection refused", "tried again")


def look_at_all(database: Database, *, has_workers: bool = True) -> list[Finding]:
    with session_scope(database) as session:
        return find(look_at_workers, session, has_workers=has_workers)


def tell(database: Database, owner: str, *queues: str, strategy_ids: Sequence[int] = ()) -> None:
    run_in_transaction(
        database, lambda session: note_worker(session, owner=owner, queues=queues, strategy_ids=strategy_ids)
    )


def test_roles_are_missed_while_jobs_are_open_and_workers_are_to_do_them(db_engine: Database) -> None:
    assert look_at_all(db_engine) == []
    with session_scope(db_engine) as session:
        build_job(session, tasks=1)
    assert look_at_all(db_engine, has_workers=False) == []
    router, reconciler = look_at_all(db_engine)
    assert "apportion worker router" in router.text
    assert "apportion worker reconciler" in reconciler.text
    tell(db_engine, "brain:1", "router", "reconciler")
    assert [finding.well for finding in look_at_all(db_engine)] == [True]


def test_a_silent_worker_is_missed_while_jobs_are_open_until_others_serve_its_queues(db_engine: Database) -> None:
    tell(db_engine, "brain:1", "router", "reconciler")
    with db_engine.begin() as connection:
        connection.execute(text("UPDATE worker SET seen_at = seen_at - interval '40 seconds'"))
    (idle,) = look_at_all(db_engine)
    assert idle.well
    with session_scope(db_engine) as session:
        build_job(session, tasks=1)
    assert all(finding.well for finding in look_at_all(db_engine, has_workers=False))
    silent, router, reconciler = look_at_all(db_engine)
    assert is_ill([silent], "brain:1", "silent for 40 s", "Start it again")
    tell(db_engine, "brain:2", "router")
    silent, router, reconciler = look_at_all(db_engine)
    assert [finding.well for finding in (silent, router, reconciler)] == [False, True, False]
    tell(db_engine, "brain:3", "reconciler")
    silent, *others = look_at_all(db_engine)
    assert silent.well
    assert "nobody misses it" in silent.text
    assert len(others) == 2


def test_groups_that_nobody_serves_name_the_queue_or_the_version(db_engine: Database) -> None:
    tell(db_engine, "brain:1", "router", "reconciler")
    with session_scope(db_engine) as session:
        job = build_job(session, tasks=3)
        session.execute(text("""UPDATE strategy SET spec = '{"engine": "big"}'"""))
        route(session, job)
    waiting = "1 groups of strategy s0 wait"
    assert is_ill(look_at_all(db_engine), waiting, "apportion worker engine.big --strategies FILE")
    tell(db_engine, "engine:1", "engine.big", strategy_ids=[10**6])
    assert is_ill(look_at_all(db_engine), waiting, "another version")
    tell(db_engine, "engine:2", "engine.big", strategy_ids=job.strategy_ids)
    assert all(finding.well for finding in look_at_all(db_engine))


def test_a_training_that_nobody_does_is_found(db_engine: Database) -> None:
    with session_scope(db_engine) as session:
        assert find(look_at_requests, session, has_workers=True) == []
        request_training(session, tenant_id=TENANT)
        assert is_ill(
            find(look_at_requests, session, has_workers=True), "nobody trains", "worker trainer --strategies FILE"
        )
        note_worker(session, owner="trainer:1", queues=["trainer"], strategy_ids=[])
        assert find(look_at_requests, session, has_workers=True) == []
