"""Asking a trainer: who is asked, what is told while it works, and what comes of it."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Engine as Database

from db.session import run_in_transaction, session_scope
from db.states import JobKind, PredictorState
from db.training_requests import claim_request, finish_request, has_open_request
from db.workers import drop_worker, note_worker
from router.drift.watch import Broken
from tests.waiting import wait_until
from tests.worker.fake_night import make_pool, make_settings
from tests.worker.learning_house import alarm_about_small, answer, champion, train
from worker.bootstrap import Workshop
from worker.encoder import SentenceEncoder
from worker.errors import NothingToTrain
from worker.lesson import Lesson
from worker.pool import register_pool
from worker.redis import PrivateRedis
from worker.task_encoder import TaskEncoder
from worker.training_job import Trained
from worker.training_wait import ask_trainer, has_trainer


@pytest.fixture
def workshop(db_engine: Database, redis_server: PrivateRedis, tmp_path: Path) -> Workshop:
    """A producer's, where a trainer is at work."""
    run_in_transaction(db_engine, partial(note_worker, owner="trainer:1", queues=["trainer"], strategy_ids=[]))
    return Workshop(
        settings=make_settings(tmp_path, database_url="postgresql://x", broker_url=redis_server.url),
        database=db_engine,
        pool=make_pool(),
        strategy_ids=run_in_transaction(db_engine, partial(register_pool, tenant_id="default", pool=make_pool())),
        watch=lambda _: None,
    )


def ask(workshop: Workshop, then: Callable[[threading.Event], None]) -> tuple[list[Trained] | None, list[str]]:
    """What came of a request, once it was there and `then` was done; and what was told."""
    told, draining = list[str](), threading.Event()
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ask_trainer, workshop, lesson=Lesson(), draining=draining, tell=told.append)
        wait_until(lambda: asked.done() or is_open(workshop.database))
        then(draining)
        return asked.result(timeout=30), told


def is_open(database: Database) -> bool:
    with session_scope(database) as session:
        return has_open_request(session)


def finish(database: Database, *, error: str | None = None) -> None:
    with session_scope(database) as session:
        request = claim_request(session, owner="trainer:1", lease_seconds=60.0)
        assert request is not None
        finish_request(session, request_id=request.id, error=error)


def test_a_trainer_is_asked_only_where_one_is_at_work(workshop: Workshop, tmp_path: Path) -> None:
    assert has_trainer(workshop)
    alone = Workshop(
        settings=make_settings(tmp_path),
        database=workshop.database,
        pool=workshop.pool,
        strategy_ids=workshop.strategy_ids,
        watch=workshop.watch,
    )
    assert not has_trainer(alone)
    run_in_transaction(workshop.database, partial(drop_worker, owner="trainer:1"))
    assert not has_trainer(workshop)


def test_a_training_that_failed_fails_here_too(workshop: Workshop) -> None:
    with pytest.raises(NothingToTrain, match="no graded outcomes at all"):
        ask(workshop, lambda _: finish(workshop.database, error="no graded outcomes at all"))


def test_strategies_that_the_trainer_does_not_know_are_named(workshop: Workshop) -> None:
    trained, told = ask(workshop, lambda _: finish(workshop.database))
    assert trained == []
    assert told[0].startswith("small, large can not be predicted yet")


def test_whoever_waits_may_leave_and_the_request_stays(workshop: Workshop) -> None:
    trained, told = ask(workshop, lambda draining: draining.set())
    assert (trained, told) == (None, [])
    assert is_open(workshop.database)


def test_a_trainer_that_is_gone_is_told_once(workshop: Workshop) -> None:
    run_in_transaction(workshop.database, partial(drop_worker, owner="trainer:1"))
    told = list[str]()
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ask_trainer, workshop, lesson=Lesson(), draining=threading.Event(), tell=told.append)
        wait_until(lambda: bool(told))
        finish(workshop.database)
        asked.result(timeout=30)
    assert [("not there any more" in text) for text in told] == [True, False]


@pytest.fixture(scope="module")
def encoder() -> TaskEncoder:
    return TaskEncoder(SentenceEncoder(threads=1), cache_directory=None)


def test_what_the_trainer_held_back_after_an_alarm_is_told_as_where_training_is_done_here(
    workshop: Workshop, encoder: TaskEncoder
) -> None:
    database = workshop.database
    answer(database, [1.0, 0.0] * 60)
    train(database, encoder)
    answer(database, [0.0] * 30, kind=JobKind.RUN, propensity=1.0)
    alarm_about_small(database, Broken.WORSE, outcomes=30, version_id=champion(database, encoder).id)
    told = train(database, encoder)[0]
    assert told.few_since_change == 30
    trained, _ = ask(workshop, lambda _: finish(database))
    assert trained == [told]


def test_a_new_version_is_told_with_how_it_stands(workshop: Workshop, encoder: TaskEncoder) -> None:
    database = workshop.database
    answer(database, [1.0, 0.0] * 150)
    train(database, encoder)
    answer(database, [1.0, 0.0] * 30)

    def train_there(draining: threading.Event) -> None:
        train(database, encoder)
        finish(database)

    trained, _ = ask(workshop, train_there)
    assert trained is not None
    assert [(row.strategy, row.state, row.outcomes) for row in trained] == [("small", PredictorState.HELD, 360)]
