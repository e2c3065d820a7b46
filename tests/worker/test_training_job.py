"""Training: outcomes become predictors that serve, once, and again when there is news."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from sqlalchemy import Engine as Database

from db.predictors import read_champions, store_champion
from db.session import run_in_transaction, session_scope
from router.units import Unit
from tests.db.building import label
from tests.worker.fake_night import make_pool, make_tasks
from worker.calibration import submit_recorded
from worker.encoder import SentenceEncoder
from worker.errors import NothingToTrain, UntrainedStrategies
from worker.pool import register_pool
from worker.predictors import load_predictors
from worker.progress import Progress, Stage
from worker.recording import RecordedOutcome, Recording
from worker.task_encoder import TaskEncoder
from worker.training_job import Trained, train_predictors

TASK_COUNT = 12


@pytest.fixture(scope="module")
def encoder() -> TaskEncoder:
    return TaskEncoder(SentenceEncoder(threads=1), cache_directory=None)


def register(database: Database) -> list[int]:
    return run_in_transaction(database, lambda session: register_pool(session, tenant_id="default", pool=make_pool()))


def take_in(database: Database, *, digest: str, correct: Mapping[str, Sequence[float | None]]) -> int:
    """The id of a calibration in which these strategies got these grades."""
    outcomes = [
        RecordedOutcome(
            custom_id=f"task-{number}",
            strategy=name,
            answer="yes",
            texts=["yes"],
            finish_reasons=["stop"],
            prompt_tokens=5,
            output_tokens=4 + number % 3,
            cost=4,
            correct=grade,
        )
        for name, grades in correct.items()
        for number, grade in enumerate(grades)
    ]
    engines = {"fake": {"kind": "fake", "version": digest}}
    recording = Recording(tasks_sha256=digest, unit=Unit.TOKENS, engines=engines, strategy_hashes={}, outcomes=outcomes)
    return run_in_transaction(
        database,
        lambda session: submit_recorded(
            session,
            tasks=make_tasks(TASK_COUNT),
            tasks_sha256=digest,
            pool=make_pool(),
            strategy_ids=register_pool(session, tenant_id="default", pool=make_pool()),
            recording=recording,
        ),
    )


def train(database: Database, encoder: TaskEncoder, seen: list[Progress] | None = None) -> list[Trained]:
    watched = [] if seen is None else seen
    return train_predictors(
        database, pool=make_pool(), strategy_ids=register(database), encoder=encoder, watch=watched.append
    )


def test_nothing_to_learn_from_says_what_to_do(db_engine: Database, encoder: TaskEncoder) -> None:
    with pytest.raises(NothingToTrain, match=r"no graded outcomes of small, large: run `apportion calibrate`"):
        train(db_engine, encoder)
    take_in(db_engine, digest="a", correct={"small": [None] * TASK_COUNT})  # answers without grades teach nothing
    with pytest.raises(NothingToTrain):
        train(db_engine, encoder)


def test_outcomes_become_predictors_that_serve(db_engine: Database, encoder: TaskEncoder) -> None:
    take_in(db_engine, digest="a", correct={"small": [0.0, 1.0] * 6, "large": [1.0] * TASK_COUNT})
    seen: list[Progress] = []
    trained = train(db_engine, encoder, seen)
    assert [(own.strategy, own.outcomes, own.figures is not None) for own in trained] == [
        ("small", TASK_COUNT, True),
        ("large", TASK_COUNT, True),
    ]
    assert {Stage.ENCODING, Stage.TRAINING} <= {progress.stage for progress in seen}
    with session_scope(db_engine) as session:
        ids = register_pool(session, tenant_id="default", pool=make_pool())
        loaded = load_predictors(session, strategy_ids=ids, names=make_pool().names, encoder=encoder.name)
    predictions = loaded.stack.predict(encoder.encode(["task-3", "task-4"]))
    assert predictions.accuracy[:, 0].mean() < predictions.accuracy[:, 1].mean()
    assert np.all((predictions.output_tokens > 3) & (predictions.output_tokens < 7))
    assert loaded.cached_shares == (0.0, 0.0)  # recordings say nothing of a cache
    assert [meta["engines"] for meta in loaded.meta] == [[{"kind": "fake", "version": "a"}]] * 2


def test_a_strategy_without_a_predictor_is_named_with_the_remedy(db_engine: Database, encoder: TaskEncoder) -> None:
    take_in(db_engine, digest="a", correct={"small": [0.0, 1.0] * 6})
    assert [own.figures is not None for own in train(db_engine, encoder)] == [True, False]
    ids = register(db_engine)
    with (
        session_scope(db_engine) as session,
        pytest.raises(UntrainedStrategies, match=r"no predictor for large \(encoder .*\): run `apportion calibrate`"),
    ):
        load_predictors(session, strategy_ids=ids, names=make_pool().names, encoder=encoder.name)


def test_only_news_is_learnt(db_engine: Database, encoder: TaskEncoder) -> None:
    job_id = take_in(db_engine, digest="a", correct={"small": [0.0, 1.0] * 6, "large": [1.0] * TASK_COUNT})
    train(db_engine, encoder)
    ids = register(db_engine)
    before = versions(db_engine, ids, encoder)
    assert [own.figures for own in train(db_engine, encoder)] == [None, None]
    assert versions(db_engine, ids, encoder) == before == [1, 1]

    with session_scope(db_engine) as session:  # a person sees one answer otherwise than its grader
        label(session, job_id=job_id, seq=0, arm=ids[0], source="person", correct=1.0)
    assert [own.figures is not None for own in train(db_engine, encoder)] == [True, False]

    take_in(db_engine, digest="b", correct={"large": [0.0] * TASK_COUNT})
    assert [(own.outcomes, own.figures is not None) for own in train(db_engine, encoder)] == [
        (TASK_COUNT, False),
        (2 * TASK_COUNT, True),
    ]
    assert versions(db_engine, ids, encoder) == [2, 2]


def versions(database: Database, strategy_ids: Sequence[int], encoder: TaskEncoder) -> list[int]:
    with session_scope(database) as session:
        champions = read_champions(session, strategy_ids=strategy_ids, encoder=encoder.name)
    return [champions[key].version for key in strategy_ids]


def test_an_artefact_that_this_release_can_not_read_is_trained_anew(db_engine: Database, encoder: TaskEncoder) -> None:
    take_in(db_engine, digest="a", correct={"small": [0.0, 1.0] * 6, "large": [1.0] * TASK_COUNT})
    train(db_engine, encoder)
    ids = register(db_engine)
    with session_scope(db_engine) as session:
        champion = read_champions(session, strategy_ids=ids, encoder=encoder.name)[ids[0]]
        store_champion(
            session, strategy_id=ids[0], encoder=encoder.name, artefact=b"from another age", meta=champion.meta
        )
    assert [own.figures is not None for own in train(db_engine, encoder)] == [True, False]
