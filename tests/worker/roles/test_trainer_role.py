"""What the trainer role trains, and when, without anybody asking."""

import asyncio
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Engine as Database
from sqlalchemy import select

from db.predictors import read_newest
from db.session import run_in_transaction, session_scope
from db.states import TrainingScope
from db.tables import TrainingRequestRow
from db.training_requests import claim_request, read_error, request_training
from tests.worker.fake_night import make_pool, make_settings
from tests.worker.learning_house import answer, register
from worker.bootstrap import Workshop
from worker.roles.trainer_role import TrainerRole
from worker.training_due import LEAST_NEWS
from worker.training_turn import LOOK_SECONDS

ENOUGH = [0.0, 1.0] * (LEAST_NEWS // 2)


class Clock:
    """A clock that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where embeddings are kept from test to test."""
    return tmp_path_factory.mktemp("vectors")


@pytest.fixture
def workshop(db_engine: Database, cache: Path) -> Workshop:
    return open_shop(db_engine, cache)


def open_shop(database: Database, cache: Path, *, train_seconds: float = 3600.0) -> Workshop:
    return Workshop(
        settings=make_settings(cache, train_seconds=train_seconds),
        database=database,
        pool=make_pool(),
        strategy_ids=register(database),
        watch=lambda _: None,
    )


def make_role(workshop: Workshop, clock: Clock) -> TrainerRole:
    return TrainerRole(workshop=workshop, is_draining=lambda: False, now=clock)


def step(role: TrainerRole) -> bool:
    return asyncio.run(role.step())


def scopes(database: Database) -> list[TrainingScope]:
    """Of all requests so far."""
    with session_scope(database) as session:
        return list(session.execute(select(TrainingRequestRow.scope).order_by(TrainingRequestRow.id)).scalars())


def versions(workshop: Workshop) -> list[int]:
    """Those that were trained last, whether the gate let them serve or not."""
    with session_scope(workshop.database) as session:
        newest = read_newest(session, strategy_ids=workshop.strategy_ids, encoder=workshop.encoder.name)
    return [newest[key].version for key in workshop.strategy_ids if key in newest]


def test_enough_labels_are_trained_on_and_few_wait(workshop: Workshop) -> None:
    clock = Clock()
    role = make_role(workshop, clock)
    assert not step(role)  # nothing at all
    answer(workshop.database, ENOUGH)
    assert not step(role)  # it looks now and then only
    clock.now += LOOK_SECONDS
    assert step(role)
    assert (scopes(workshop.database), versions(workshop)) == ([TrainingScope.ENOUGH], [1])
    answer(workshop.database, [1.0] * (LEAST_NEWS - 1))
    clock.now += LOOK_SECONDS
    assert not step(role)
    answer(workshop.database, [1.0])
    clock.now += LOOK_SECONDS
    assert step(role)
    assert versions(workshop) == [2]


def test_what_is_new_is_learnt_when_its_time_has_come_however_little(db_engine: Database, cache: Path) -> None:
    patient, eager = open_shop(db_engine, cache), open_shop(db_engine, cache, train_seconds=0.001)
    answer(db_engine, ENOUGH)
    assert step(make_role(patient, Clock()))
    assert not step(make_role(eager, Clock()))  # nothing is new
    answer(db_engine, [1.0])
    assert not step(make_role(patient, Clock()))
    assert step(make_role(eager, Clock()))
    assert (scopes(db_engine), versions(eager)) == ([TrainingScope.ENOUGH, TrainingScope.NEWS], [2])


def test_a_request_that_another_trainer_has_is_not_made_again(workshop: Workshop) -> None:
    answer(workshop.database, ENOUGH)
    run_in_transaction(workshop.database, partial(request_training, tenant_id="default"))
    claim = partial(claim_request, owner="another", lease_seconds=60.0)
    assert run_in_transaction(workshop.database, claim) is not None
    assert not step(make_role(workshop, Clock()))
    assert len(scopes(workshop.database)) == 1


def test_all_is_trained_where_all_was_asked_for(workshop: Workshop) -> None:
    answer(workshop.database, ENOUGH)
    answer(workshop.database, ENOUGH, strategy=1)
    role = make_role(workshop, Clock())
    assert step(role)
    for scope, trained in ((TrainingScope.NEWS, [1, 1]), (TrainingScope.ALL, [2, 2])):
        run_in_transaction(workshop.database, partial(request_training, tenant_id="default", scope=scope))
        assert step(role)
        assert versions(workshop) == trained


def test_a_training_that_can_not_be_done_says_why(workshop: Workshop) -> None:
    request_id = run_in_transaction(workshop.database, partial(request_training, tenant_id="default"))
    assert step(make_role(workshop, Clock()))
    with session_scope(workshop.database) as session:
        assert "no graded outcomes" in str(read_error(session, request_id=request_id))
