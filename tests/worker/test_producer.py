"""The producer's side: a watch outlives an outage of the database and ends when it is asked to, or the job ends."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine as Database
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from tests.waiting import wait_until
from tests.worker.fake_night import FakeEngine, answer_with, budget, drive, make_settings, predict_flat, submit
from worker import producer
from worker.producer import WatchedJob, ring_once, watch_job
from worker.progress import Progress
from worker.queues import ROUTER
from worker.redis import PrivateRedis


def submit_one(database: Database) -> int:
    return submit(database, predictions=predict_flat(3, small=(0.5, 4.0), large=(0.9, 20.0)), objective=budget(1000))


def cut_connections(database: Database) -> None:
    """As a restart of the server does."""
    with database.connect() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )


def test_a_watch_goes_on_after_an_outage_until_it_is_asked_to_end(db_engine: Database, database_url: str) -> None:
    job_id, seen, draining = submit_one(db_engine), list[Progress](), threading.Event()
    watching = create_engine(database_url)
    with ThreadPoolExecutor(1) as pool:
        ended = pool.submit(watch_job, watching, job_id=job_id, draining=draining, watch=seen.append)
        wait_until(lambda: len(seen) >= 1)
        cut_connections(db_engine)
        before = len(seen)
        wait_until(lambda: len(seen) >= before + 3)
        draining.set()
        assert ended.result(timeout=30) is False
    watching.dispose()
    assert seen[-1].total == 3


def test_an_outage_that_lasts_is_told(db_engine: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(producer, "LONGEST_OUTAGE_SECONDS", 0.0)

    def lose_the_database(_: Progress) -> None:
        raise OperationalError("SELECT 1", {}, ConnectionError("gone"))

    with pytest.raises(OperationalError):
        watch_job(db_engine, job_id=submit_one(db_engine), draining=threading.Event(), watch=lose_the_database)


def test_a_watch_ends_with_the_job(db_engine: Database, tmp_path: Path) -> None:
    job_id, seen = submit_one(db_engine), list[Progress]()
    assert drive(db_engine, job_id, [FakeEngine(answer_with("yes", tokens=3))], make_settings(tmp_path))
    assert watch_job(db_engine, job_id=job_id, draining=threading.Event(), watch=seen.append)
    (last,) = seen
    assert (last.done, last.total, last.graded) == (3, 3, 3)
    assert last.mix is not None
    assert sum(last.mix.values()) == 3


def test_the_last_look_counts_who_answered_whatever_was_counted_before(db_engine: Database, tmp_path: Path) -> None:
    job_id, seen = submit_one(db_engine), list[Progress]()
    watched = WatchedJob(db_engine, job_id=job_id)
    assert not watched.look(seen.append)
    assert drive(db_engine, job_id, [FakeEngine(answer_with("yes", tokens=3))], make_settings(tmp_path))
    assert watched.look(seen.append)
    assert [sum((progress.mix or {}).values()) for progress in seen] == [0, 3]


def test_a_ring_arrives_or_is_said_to_be_lost(
    tmp_path: Path, redis_server: PrivateRedis, caplog: pytest.LogCaptureFixture
) -> None:
    settings = make_settings(tmp_path, database_url="postgresql://x", broker_url=redis_server.url)
    assert ring_once(settings, ROUTER)
    with redis_server.connect() as client:
        assert client.llen(ROUTER) == 1
    away = make_settings(tmp_path, database_url="postgresql://x", broker_url="redis://127.0.0.1:9/0")
    assert not ring_once(away, ROUTER)
    assert "the broker can not be reached" in caplog.text
