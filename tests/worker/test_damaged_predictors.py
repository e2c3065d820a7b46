"""What serves when an artefact is damaged: the last sound version, and a word about why."""

import logging
from collections.abc import Callable

import pytest
from sqlalchemy import Engine as Database
from sqlalchemy import update

from db.predictors import set_state
from db.session import session_scope
from db.states import PredictorState, TrainingScope
from db.tables import PredictorVersionRow
from router.errors import PredictorArtefactError
from tests.worker.fake_night import make_pool
from tests.worker.learning_house import answer, champion, register, train
from worker.encoder import SentenceEncoder
from worker.errors import UntrainedStrategies
from worker.lesson import Lesson
from worker.predictors import LoadedPredictors, load_predictors, promote_by_hand
from worker.task_encoder import TaskEncoder

Damage = Callable[[bytes], bytes]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> TaskEncoder:
    return TaskEncoder(SentenceEncoder(threads=1), cache_directory=tmp_path_factory.mktemp("vectors"))


def flip(artefact: bytes) -> bytes:
    """One bit of the arrays."""
    return artefact[:-9] + bytes([artefact[-9] ^ 4]) + artefact[-8:]


def damage(database: Database, predictor_id: int, how: Damage) -> None:
    row = PredictorVersionRow
    with session_scope(database) as session:
        artefact = session.get_one(row, predictor_id).artefact
        session.execute(update(row).where(row.id == predictor_id).values(artefact=how(artefact)))


def load(database: Database, encoder: TaskEncoder) -> LoadedPredictors:
    ids = register(database)[:1]
    with session_scope(database) as session:
        return load_predictors(session, strategy_ids=ids, names=make_pool().names[:1], encoder=encoder.name)


@pytest.mark.parametrize("how", [flip, lambda artefact: artefact[:-64], lambda _: b""], ids=["bit", "cut", "empty"])
def test_the_version_before_a_damaged_one_serves(
    db_engine: Database, encoder: TaskEncoder, how: Damage, caplog: pytest.LogCaptureFixture
) -> None:
    answer(db_engine, [0.0, 1.0] * 10)
    train(db_engine, encoder)
    sound = champion(db_engine, encoder)
    for _ in range(2):
        train(db_engine, encoder, Lesson(scope=TrainingScope.ALL))
        damage(db_engine, champion(db_engine, encoder).id, how)
    with caplog.at_level(logging.WARNING, logger="worker.predictors"):
        assert load(db_engine, encoder).version_ids == (sound.id,)
    for version in (3, 2):
        told = f"of strategy small, version {version} is refused, version {version - 1} is tried instead"
        assert told in caplog.text
    assert "train the strategy again" in caplog.text


def test_where_nothing_before_a_damaged_version_is_sound_one_that_was_taken_back_serves(
    db_engine: Database, encoder: TaskEncoder, caplog: pytest.LogCaptureFixture
) -> None:
    answer(db_engine, [0.0, 1.0] * 10)
    versions = []
    for _ in range(4):
        train(db_engine, encoder, Lesson(scope=TrainingScope.ALL))
        versions.append(champion(db_engine, encoder).id)
    with session_scope(db_engine) as session:
        promote_by_hand(session, tenant_id="default", predictor_id=versions[1], person="somebody")
        set_state(
            session, predictor_ids=versions[3:], before=PredictorState.RETIRED, to=PredictorState.REJECTED
        )  # by live answers
    damage(db_engine, versions[1], flip)
    assert load(db_engine, encoder).version_ids == (versions[0],)
    damage(db_engine, versions[0], flip)
    assert load(db_engine, encoder).version_ids == (versions[2],)
    assert "version 1 is refused, version 3 is tried instead" in caplog.text
    damage(db_engine, versions[2], flip)
    with pytest.raises(UntrainedStrategies, match="the predictor of strategy small is damaged"):
        load(db_engine, encoder)


def test_a_damaged_version_without_a_sound_one_is_an_error_and_is_trained_anew(
    db_engine: Database, encoder: TaskEncoder
) -> None:
    answer(db_engine, [0.0, 1.0] * 10)
    train(db_engine, encoder)
    damage(db_engine, champion(db_engine, encoder).id, flip)
    with pytest.raises(UntrainedStrategies, match="the predictor of strategy small is damaged"):
        load(db_engine, encoder)
    assert train(db_engine, encoder, Lesson(scope=TrainingScope.ENOUGH))[0].figures is not None
    assert load(db_engine, encoder).version_ids == (champion(db_engine, encoder).id,)


def test_a_damaged_version_that_somebody_promotes_is_refused_by_its_number(
    db_engine: Database, encoder: TaskEncoder
) -> None:
    answer(db_engine, [0.0, 1.0] * 10)
    train(db_engine, encoder)
    damaged = champion(db_engine, encoder).id
    damage(db_engine, damaged, lambda _: b"{}")
    refusal = f"predictor {damaged}, version 1, can not serve: 2 bytes are not a predictor artefact"
    with session_scope(db_engine) as session, pytest.raises(PredictorArtefactError, match=refusal):
        promote_by_hand(session, tenant_id="default", predictor_id=damaged, person="somebody")
