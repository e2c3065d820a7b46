"""A job that gets no answers says what it waits for, and does not say it all the time."""

import logging
from functools import partial

import pytest
from sqlalchemy import Engine as Database

from db.breakers import note_failure, note_success
from db.jobs import read_job, set_paused
from db.session import run_in_transaction, session_scope
from db.states import StrategyMode
from db.strategy_modes import append_change
from tests.db.building import TENANT
from tests.worker.fake_night import budget, predict_flat, submit
from worker.producer import WatchedJob
from worker.quiet_job import QUIET_SECONDS, QuietJob


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def submit_one(database: Database) -> int:
    return submit(database, predictions=predict_flat(3, small=(0.5, 4.0), large=(0.9, 20.0)), objective=budget(1000))


def read_strategy_ids(database: Database, job_id: int) -> list[int]:
    with session_scope(database) as session:
        return list(read_job(session, job_id=job_id).strategy_ids)


def fail(database: Database, strategy_id: int, *, threshold: int) -> None:
    note = partial(note_failure, strategy_id=strategy_id, reason="nobody listens", threshold=threshold)
    run_in_transaction(database, partial(note, pause_seconds=30.0, longest_pause_seconds=60.0))


def look(quiet: QuietJob, clock: Clock, *seconds: float, done: int = 0) -> None:
    for moment in seconds:
        clock.seconds = moment
        quiet.note(done)


def test_it_is_told_after_a_while_then_more_seldom_and_anew_after_an_answer(
    db_engine: Database, caplog: pytest.LogCaptureFixture
) -> None:
    job_id, clock = submit_one(db_engine), Clock()
    quiet = QuietJob(db_engine, job_id=job_id, has_workers=False, now=clock)
    fail(db_engine, read_strategy_ids(db_engine, job_id)[0], threshold=1)
    look(quiet, clock, 0.0, 9.0, 10.0, 11.0, 19.0, 20.0, 39.0)
    told = [record.getMessage() for record in caplog.records]
    assert [text.split(";")[0] for text in told] == [f"job {job_id}: no answer for {n} s" for n in (10, 20)]
    assert "strategy small fails (asked again in " in told[0]
    assert told[0].endswith(" s): nobody listens")
    caplog.clear()
    look(quiet, clock, 40.0, 49.0, done=1)
    assert not caplog.records
    look(quiet, clock, 50.0, done=1)
    assert "no answer for 10 s" in caplog.text


def test_nothing_is_told_where_an_answer_may_just_take_long(
    db_engine: Database, caplog: pytest.LogCaptureFixture
) -> None:
    job_id, clock = submit_one(db_engine), Clock()
    quiet = QuietJob(db_engine, job_id=job_id, has_workers=False, now=clock)
    small, _ = read_strategy_ids(db_engine, job_id)
    fail(db_engine, small, threshold=3)
    run_in_transaction(db_engine, partial(note_success, strategy_id=small))
    look(quiet, clock, 0.0, 2 * QUIET_SECONDS)
    assert not caplog.records
    fail(db_engine, small, threshold=3)  # not left alone yet
    look(quiet, clock, 2 * QUIET_SECONDS + 1)
    assert "strategy small fails: nobody listens" in caplog.text


def test_a_pause_and_strategies_out_of_service_are_told_with_the_way_back(
    db_engine: Database, caplog: pytest.LogCaptureFixture
) -> None:
    job_id, clock = submit_one(db_engine), Clock()
    change = partial(append_change, tenant_id=TENANT, name="large", mode=StrategyMode.DISABLED)
    run_in_transaction(db_engine, partial(change, changed_by="ada", reason=""))
    run_in_transaction(db_engine, partial(set_paused, job_id=job_id, paused=True))
    look(QuietJob(db_engine, job_id=job_id, has_workers=False, now=clock), clock, 0.0, QUIET_SECONDS)
    assert f"it is paused: `apportion unpause {job_id}` lets it go on" in caplog.text
    assert "strategy large is disabled: `apportion strategies enable large` takes it back" in caplog.text


def test_whoever_watches_a_job_hears_which_workers_are_not_there(
    db_engine: Database, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.quiet_job.QUIET_SECONDS", 0.0)
    watched = WatchedJob(db_engine, job_id=submit_one(db_engine))
    with caplog.at_level(logging.WARNING, logger="worker"):
        for _ in range(2):
            assert not watched.look(lambda _: None)
    assert "no worker serves engine fake: start one with `apportion worker engine.fake" in caplog.text
