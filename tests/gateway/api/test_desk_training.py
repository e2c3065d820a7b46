"""Without a broker the desk has predictors trained, in a process of its own."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Engine as Database
from sqlalchemy import select

from db.session import run_in_transaction, session_scope
from db.states import TrainingScope
from db.tables import PredictorVersionRow
from db.training_requests import is_finished, request_training
from gateway.desk.training_clerk import TrainingClerk
from tests.gateway.api.office import make_settings
from tests.gateway.api.trained import copy_database
from tests.waiting import wait_until
from worker.bootstrap import Workshop, open_workshop
from worker.lesson import Lesson
from worker.training_here import train_here

CHECKOUT = Path(__file__).parent.parent.parent.parent


@pytest.fixture
def workshop(server_url: str, trained_template: str, tmp_path: Path) -> Iterator[Workshop]:
    """Of three strategies that are trained already."""
    with copy_database(server_url, name="desk_training", template=trained_template) as url:
        settings = make_settings(url, tmp_path)
        assert settings.strategies is not None
        with open_workshop(settings, strategy_file=settings.strategies, watch=lambda _: None) as opened:
            yield opened


@contextmanager
def at_work(clerk: TrainingClerk) -> Iterator[None]:
    stopping = threading.Event()
    thread = threading.Thread(target=clerk.run, args=(stopping,))
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()


def ask(workshop: Workshop, scope: TrainingScope) -> int:
    """The id of a request, as a drift alarm makes one."""
    return run_in_transaction(workshop.database, partial(request_training, tenant_id="default", scope=scope))


def is_done(database: Database, request_id: int) -> bool:
    with session_scope(database) as session:
        return is_finished(session, request_id=request_id)


def list_versions(database: Database) -> list[int]:
    with session_scope(database) as session:
        return sorted(session.execute(select(PredictorVersionRow.version)).scalars())


def test_what_was_asked_for_is_trained_beside_the_desk(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(CHECKOUT))
    request_id = ask(workshop, TrainingScope.ALL)
    with at_work(TrainingClerk(workshop, settings=workshop.settings, look_seconds=0.05)):
        wait_until(lambda: is_done(workshop.database, request_id), seconds=90)
    assert list_versions(workshop.database) == [1, 1, 1, 2, 2, 2]


def test_a_training_by_hand_does_what_others_asked_for(workshop: Workshop) -> None:
    all_of_them, news = ask(workshop, TrainingScope.ALL), ask(workshop, TrainingScope.NEWS)
    train_here(workshop, lesson=Lesson())
    assert is_done(workshop.database, news)
    assert not is_done(workshop.database, all_of_them)
    train_here(workshop, lesson=Lesson(scope=TrainingScope.ALL))
    assert is_done(workshop.database, all_of_them)
