"""What calibrations say of failures: who failed on what, and how the others did there."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from sqlalchemy import Engine as Database

from db.session import run_in_transaction, session_scope
from router.failure_shift import PRIOR_OTHER, PRIOR_OWN
from router.second_chance import Failure
from router.units import Unit
from tests.worker.fake_night import make_pool, make_tasks
from worker.calibration import submit_recorded
from worker.encoder import SentenceEncoder
from worker.past_failures import learn_terms
from worker.pool import register_pool
from worker.predictors import load_predictors
from worker.recording import RecordedOutcome, Recording
from worker.second_chance_terms import SecondChanceTerms
from worker.task_encoder import TaskEncoder
from worker.task_vectors import TaskVectors
from worker.training_job import train_predictors

TASKS = 60
UNREADABLE = ""


@pytest.fixture(scope="module")
def encoder() -> TaskEncoder:
    return TaskEncoder(SentenceEncoder(threads=1), cache_directory=None)


def take_in(database: Database, answers: Mapping[str, Sequence[str]]) -> None:
    """A calibration with these answers; "yes" is right."""
    outcomes = [
        RecordedOutcome(
            custom_id=f"task-{number}",
            strategy=name,
            answer=answer,
            texts=[answer],
            finish_reasons=["stop"],
            prompt_tokens=5,
            output_tokens=4,
            cost=4,
            correct=float(answer == "yes"),
        )
        for name, given in answers.items()
        for number, answer in enumerate(given)
    ]
    recording = Recording(tasks_sha256="a", unit=Unit.TOKENS, engines={}, strategy_hashes={}, outcomes=outcomes)
    run_in_transaction(
        database,
        lambda session: submit_recorded(
            session,
            tasks=make_tasks(TASKS),
            tasks_sha256="a",
            pool=make_pool(),
            strategy_ids=register_pool(session, tenant_id="default", pool=make_pool()),
            recording=recording,
        ),
    )


def learn(database: Database, encoder: TaskEncoder) -> SecondChanceTerms:
    pool = make_pool()
    ids = run_in_transaction(database, lambda session: register_pool(session, tenant_id="default", pool=pool))
    train_predictors(database, pool=pool, strategy_ids=ids, encoder=encoder, watch=lambda _: None)
    vectors = TaskVectors(encoder, watch=lambda _: None)
    with session_scope(database) as session:
        predictors = load_predictors(session, strategy_ids=ids, names=pool.names, encoder=encoder.name)
        return learn_terms(session, strategy_ids=ids, pool=pool, predictors=predictors, vectors=vectors)


def test_where_nobody_failed_the_priors_are_believed(db_engine: Database, encoder: TaskEncoder) -> None:
    take_in(db_engine, {"small": ["yes", "no"] * (TASKS // 2), "large": ["yes"] * TASKS})
    terms = learn(db_engine, encoder)
    assert terms.learnt_from == 0
    for failure in Failure:
        assert terms.shifts.of[failure][0, 1] == pytest.approx(PRIOR_OTHER[failure])
        assert terms.shifts.of[failure][0, 0] == pytest.approx(PRIOR_OWN)


@pytest.mark.parametrize("helps", [True, False])
def test_how_the_others_did_where_one_failed_is_learnt(db_engine: Database, encoder: TaskEncoder, helps: bool) -> None:
    """The small strategy writes nothing for a third of the tasks; the large one is right there, or only elsewhere."""
    fails = np.random.default_rng(3).random(TASKS) < 1 / 3
    small = [UNREADABLE if own else "yes" for own in fails]
    large = ["yes" if own == helps else "no" for own in fails]
    take_in(db_engine, {"small": small, "large": large})
    terms = learn(db_engine, encoder)
    assert terms.learnt_from == fails.sum()
    shift, prior = terms.shifts.of[Failure.NO_ANSWER][0, 1], PRIOR_OTHER[Failure.NO_ANSWER]
    assert shift > prior + 0.5 if helps else shift < prior - 0.5
    assert terms.shifts.of[Failure.CHECK_FAILED][0, 1] == pytest.approx(PRIOR_OTHER[Failure.CHECK_FAILED])


def test_terms_are_kept_with_their_job(db_engine: Database, encoder: TaskEncoder) -> None:
    take_in(db_engine, {"small": [UNREADABLE, "yes"] * (TASKS // 2), "large": ["yes"] * TASKS})
    terms = learn(db_engine, encoder)
    again = SecondChanceTerms.from_json(terms.to_json())
    assert again.learnt_from == TASKS // 2
    for failure in Failure:
        assert again.shifts.of[failure] == pytest.approx(terms.shifts.of[failure], abs=1e-4)
