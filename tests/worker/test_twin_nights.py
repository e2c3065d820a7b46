"""Nights in which tasks repeat each other: asked once, charged once, answered for all."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlalchemy import Engine as Database

from db.budgets import Budget, read_budget
from db.jobs import Job, read_job
from db.progress import JobProgress, read_progress
from db.results import TaskResult, iterate_results
from db.session import session_scope
from db.states import JobState, RequeueReason
from db.tasks import NewTask
from router.generation import Completion, GenerationRequest
from tests.worker.fake_night import (
    FakeEngine,
    answer_with,
    budget,
    drive,
    make_settings,
    make_tasks,
    predict_flat,
    submit,
)
from worker import batch_results
from worker.attempt import TRIES
from worker.engines.errors import EngineUnavailable, PromptRefused
from worker.job_control import cancel

FLAT = {"small": (0.2, 5.0), "large": (0.9, 20.0)}
QUESTIONS, TASKS = 5, 40  # task n asks question n modulo 5
ENOUGH = QUESTIONS * 40


def make_repeating(count: int = TASKS, *, references: Sequence[str] = ("yes",)) -> list[NewTask]:
    """Tasks that ask the same few questions over and over, each with the next of these references."""

    def regrade(number: int, task: NewTask) -> NewTask:
        grader = {"kind": "exact", "reference": references[number % len(references)]}
        return NewTask(custom_id=task.custom_id, payload=json.dumps(json.loads(task.payload) | {"grader": grader}))

    asked = make_tasks(
        count, body=lambda number: {"messages": [{"role": "user", "content": f"question-{number % QUESTIONS}"}]}
    )
    return [regrade(number, task) for number, task in enumerate(asked)]


def submit_repeating(database: Database, *, cap: int, references: Sequence[str] = ("yes",)) -> int:
    tasks = make_repeating(references=references)
    return submit(database, predictions=predict_flat(len(tasks), **FLAT), objective=budget(cap), tasks=tasks)


def job_of(database: Database, job_id: int) -> Job:
    with session_scope(database) as session:
        return read_job(session, job_id=job_id)


def progress_of(database: Database, job_id: int) -> JobProgress:
    with session_scope(database) as session:
        return read_progress(session, job_id=job_id)


def budget_of(database: Database, job_id: int) -> Budget:
    with session_scope(database) as session:
        return read_budget(session, budget_id=read_job(session, job_id=job_id).budget_id)


def results_of(database: Database, job_id: int) -> list[TaskResult]:
    with session_scope(database) as session:
        return list(iterate_results(session, job_id=job_id))


def asked_of(request: GenerationRequest) -> str:
    return request.messages[-1].content


def test_a_question_is_asked_and_paid_once_and_every_task_is_graded_by_its_own_grader(
    db_engine: Database, tmp_path: Path
) -> None:
    job_id = submit_repeating(db_engine, cap=ENOUGH, references=("yes", "no", "no"))
    assert job_of(db_engine, job_id).twins == TASKS - QUESTIONS
    assert budget_of(db_engine, job_id).kept == 10 * QUESTIONS
    engine = FakeEngine(answer_with("yes", tokens=7))
    assert drive(db_engine, job_id, [engine], make_settings(tmp_path))
    assert Counter(engine.asked) == Counter(f"question-{number}" for number in range(QUESTIONS))
    done = progress_of(db_engine, job_id)
    assert (done.outcomes, done.graded, done.spent) == (TASKS, TASKS, 7 * QUESTIONS)
    assert done.correct == len(range(0, TASKS, 3))
    for result in results_of(db_engine, job_id):
        own = result.outcome
        assert own is not None
        assert (own.answer, own.response["texts"], own.correct) == ("yes", ["yes"], float(result.seq % 3 == 0))
        repeats = result.seq >= QUESTIONS
        assert result.leader == (f"task-{result.seq % QUESTIONS}" if repeats else None)
        assert (own.cost, own.output_tokens, own.prompt_tokens) == ((0, 0, 0) if repeats else (7, 7, 5))


def test_what_is_refused_is_refused_for_all(db_engine: Database, tmp_path: Path) -> None:
    def answer(request: GenerationRequest) -> Completion:
        if asked_of(request) == "question-2":
            raise PromptRefused("not this one")
        return answer_with("yes", tokens=7)(request)

    job_id = submit_repeating(db_engine, cap=ENOUGH)
    assert drive(db_engine, job_id, [FakeEngine(answer)], make_settings(tmp_path))
    done = progress_of(db_engine, job_id)
    assert (done.outcomes, done.errors, done.correct) == (TASKS, TASKS // QUESTIONS, TASKS - TASKS // QUESTIONS)
    refused = [result.outcome for result in results_of(db_engine, job_id) if result.seq % QUESTIONS == 2]
    assert {own.error_code for own in refused if own is not None} == {"prompt_refused"}


def test_a_question_that_has_to_be_asked_again_is_answered_for_all(
    db_engine: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_results, "RETRY_DELAY_SECONDS", 0.01)
    turned_away = Counter[str]()

    def answer(request: GenerationRequest) -> Completion:
        if asked_of(request) == "question-0" and turned_away["question-0"] < TRIES:
            turned_away["question-0"] += 1
            raise EngineUnavailable("overloaded", retry_after_seconds=0.001)
        return answer_with("yes", tokens=7)(request)

    job_id = submit_repeating(db_engine, cap=ENOUGH)
    assert drive(db_engine, job_id, [FakeEngine(answer)], make_settings(tmp_path))
    assert turned_away["question-0"] == TRIES
    done = progress_of(db_engine, job_id)
    assert (done.outcomes, done.spent) == (TASKS, 7 * QUESTIONS)


def test_what_the_budget_does_not_reach_it_does_not_reach_for_all(db_engine: Database, tmp_path: Path) -> None:
    job_id = submit_repeating(db_engine, cap=30)  # three small answers at their longest
    assert drive(db_engine, job_id, [FakeEngine(answer_with("yes", tokens=10))], make_settings(tmp_path))
    done = progress_of(db_engine, job_id)
    assert (done.outcomes, done.spent) == (3 * TASKS // QUESTIONS, 30)
    assert done.requeued == {RequeueReason.BUDGET_EXHAUSTED: 2 * TASKS // QUESTIONS}


def test_a_cancelled_job_leaves_no_twin_behind(db_engine: Database, tmp_path: Path) -> None:
    job_id = submit_repeating(db_engine, cap=ENOUGH)

    def answer(request: GenerationRequest) -> Completion:
        cancel(db_engine, job_id=job_id, patience_seconds=0.0)
        return answer_with("yes", tokens=7)(request)

    engine = FakeEngine(answer)
    engine.concurrency = 1  # so that not all questions are with it when the job is cancelled
    assert drive(db_engine, job_id, [engine], make_settings(tmp_path, batch_tasks=1, window_tasks=2))
    assert job_of(db_engine, job_id).state is JobState.CANCELLED
    done = progress_of(db_engine, job_id)
    assert 0 < done.outcomes < TASKS
    assert done.outcomes % (TASKS // QUESTIONS) == 0
    assert done.requeued == {RequeueReason.CANCELLED: TASKS - done.outcomes}
    assert budget_of(db_engine, job_id).kept == 0


def test_a_question_that_many_ask_gets_the_better_answer(db_engine: Database, tmp_path: Path) -> None:
    """One answer of the large strategy can be afforded. For a single task it would be worth a little more."""
    asked = make_tasks(12, body=lambda number: {"messages": [{"role": "user", "content": f"{min(number, 4)}"}]})
    predictions = predict_flat(12, **FLAT)
    predictions.accuracy[:4, 1], predictions.worst_cost[:, 1] = 0.95, 20.0
    job_id = submit(db_engine, predictions=predictions, objective=budget(5 * 5 + 15 + 5), tasks=asked)
    with db_engine.begin() as connection:  # money is not what this is about
        connection.exec_driver_sql("UPDATE budget SET kept = NULL")

    def answer(request: GenerationRequest) -> Completion:
        return answer_with("yes", tokens=5 if request.max_tokens == 10 else 20)(request)

    assert drive(db_engine, job_id, [FakeEngine(answer)], make_settings(tmp_path))
    small, large = job_of(db_engine, job_id).strategy_ids
    bought = [result.outcome.strategy_id for result in results_of(db_engine, job_id) if result.outcome is not None]
    assert bought == [small] * 4 + [large] * 8
