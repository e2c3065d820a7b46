"""A night of strategies that ask several requests: reserved, settled, kept, and learnt from."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine as Database

from db.predictors import read_champions
from db.progress import read_progress
from db.results import iterate_results
from db.session import run_in_transaction, session_scope
from router.generation import Completion, GenerationRequest
from tests.worker.fake_night import FakeEngine, drive, make_settings, make_tasks
from tests.worker.test_staged_attempt import EARLY, THINK, price
from worker.encoder import SentenceEncoder
from worker.engines.errors import EngineUnavailable
from worker.engines.prompt_bound import PromptBound
from worker.job_recording import record_job
from worker.pool import ServingPool, register_pool
from worker.submission import submit_calibration
from worker.task_encoder import TaskEncoder
from worker.training_job import train_predictors

TASKS = 12


@pytest.fixture(scope="module")
def pool() -> ServingPool:
    return ServingPool(source=Path("staged.yaml"), strategies=(price(EARLY),))


def calibrate(
    database: Database, pool: ServingPool, tmp_path: Path, answer: Callable[[GenerationRequest], Completion]
) -> int:
    """The id of a calibration that this engine answered."""
    job_id = run_in_transaction(
        database,
        lambda session: submit_calibration(
            session,
            tasks=make_tasks(TASKS),
            pool=pool,
            strategy_ids=register_pool(session, tenant_id="default", pool=pool),
            meta={"tasks_sha256": "a", "engines": {}},
        ),
    )
    assert drive(database, job_id, [FakeEngine(answer)], make_settings(tmp_path), pool=pool)
    return job_id


def vote(request: GenerationRequest) -> Completion:
    """Tasks of an even number agree at once; the others only with their last sample."""
    number = int(request.messages[-1].content.split("\n")[0].removeprefix("task-"))
    assert request.seed is not None
    answers = ["yes"] * 5 if number % 2 == 0 else ["yes", "no", "no", "yes", "yes"]
    texts = tuple(f"Answer: {answers[request.seed + sample]}" for sample in range(request.n))
    prompt_tokens = PromptBound().count([request.messages])[0]
    return Completion(texts, ("stop",) * request.n, prompt_tokens=prompt_tokens, output_tokens=10 * request.n)


def test_what_several_requests_used_is_settled_kept_recorded_and_learnt_from(
    db_engine: Database, pool: ServingPool, tmp_path: Path
) -> None:
    job_id = calibrate(db_engine, pool, tmp_path, vote)
    with session_scope(db_engine) as session:
        outcomes = [result.outcome for result in iterate_results(session, job_id=job_id) if result.outcome]
        progress, recording = read_progress(session, job_id=job_id), record_job(session, job_id=job_id)
    assert [outcome.answer for outcome in outcomes] == ["yes"] * TASKS
    asked = [[use["texts"] for use in outcome.response["requests"]] for outcome in outcomes]
    assert asked == [[2, 2], [2, 2, 1]] * (TASKS // 2)
    assert [list(own.requests) for own in recording.outcomes] == [own.response["requests"] for own in outcomes]
    for outcome in outcomes:
        uses = outcome.response["requests"]
        assert outcome.prompt_tokens == sum(use["prompt_tokens"] for use in uses)
        assert outcome.output_tokens == sum(use["output_tokens"] for use in uses) == 10 * len(outcome.response["texts"])
        assert outcome.cost == outcome.prompt_tokens + outcome.output_tokens
    assert progress.spent == sum(outcome.cost for outcome in outcomes)
    assert read_share(db_engine, pool) == 0.75  # of two more prompts, one was sent or both


def read_share(database: Database, pool: ServingPool) -> float:
    """What training makes of the later prompts."""
    ids = run_in_transaction(database, lambda session: register_pool(session, tenant_id="default", pool=pool))
    encoder = TaskEncoder(SentenceEncoder(threads=1), cache_directory=None)
    train_predictors(database, pool=pool, strategy_ids=ids, encoder=encoder, watch=lambda _: None)
    with session_scope(database) as session:
        [champion] = read_champions(session, strategy_ids=ids, encoder=encoder.name).values()
    return float(champion.meta["later_prompt_share"])


def test_a_night_whose_engine_fails_between_requests_charges_what_they_used(
    db_engine: Database, tmp_path: Path
) -> None:
    forced: list[str] = []

    def answer(request: GenerationRequest) -> Completion:
        prompt_tokens = PromptBound().count([request.messages])[0]
        if request.messages[-1].role == "assistant":
            forced.append(request.messages[0].content)
            raise EngineUnavailable("busy", retry_after_seconds=0.001)
        return Completion(("Hm.",), ("length",), prompt_tokens=prompt_tokens, output_tokens=20)

    pool = ServingPool(source=Path("staged.yaml"), strategies=(price(THINK),))
    job_id = calibrate(db_engine, pool, tmp_path, answer)
    with session_scope(db_engine) as session:
        outcomes = [result.outcome for result in iterate_results(session, job_id=job_id) if result.outcome]
        progress = read_progress(session, job_id=job_id)
    assert {outcome.error_code for outcome in outcomes} == {"engine_unavailable"}
    assert len(forced) > len(set(forced)) == TASKS
    assert progress.spent == sum(outcome.prompt_tokens + 20 for outcome in outcomes)
    assert all(outcome.response["texts"] == ["Hm."] for outcome in outcomes)
