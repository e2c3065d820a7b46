"""A whole job on the real database with a fake engine: what is answered, what it costs, what breaks and mends."""

import asyncio
import threading
from collections import Counter
from pathlib import Path

from sqlalchemy import Engine as Database

from db.budgets import read_budget
from db.jobs import read_job
from db.progress import JobProgress, read_progress
from db.results import iterate_results
from db.session import session_scope
from db.states import JobState, RequeueReason
from router.generation import Completion, GenerationRequest
from tests.worker.fake_night import (
    FakeEngine,
    answer_with,
    budget,
    drive,
    make_settings,
    predict_flat,
    submit,
)
from worker.engines.errors import EngineDied, EngineUnavailable, PromptRefused

GOOD_LARGE = {"small": (0.2, 5.0), "large": (0.9, 20.0)}


def progress_of(database: Database, job_id: int) -> JobProgress:
    with session_scope(database) as session:
        return read_progress(session, job_id=job_id)


def test_every_task_is_answered_once_and_the_better_strategy_gets_what_the_budget_allows(
    db_engine: Database, tmp_path: Path
) -> None:
    job_id = submit(db_engine, predictions=predict_flat(100, **GOOD_LARGE), objective=budget(1250))
    engine = FakeEngine(
        lambda request: Completion(
            texts=("yes",),
            finish_reasons=("stop",),
            prompt_tokens=5,
            output_tokens=5 if request.max_tokens == 10 else 20,
        )
    )
    assert drive(db_engine, job_id, [engine], make_settings(tmp_path))
    assert Counter(engine.asked) == Counter(f"task-{number}" for number in range(100))
    done = progress_of(db_engine, job_id)
    assert (done.outcomes, done.correct, done.reserved, done.burned) == (100, 100.0, 0, 0)
    # 50 tasks at 20 and 50 at 5 would use it all; a little is kept back so that the last can reserve its worst case.
    assert 1150 <= done.spent <= 1250


def test_answers_dearer_than_predicted_never_pass_the_cap_and_later_windows_are_priced_on_what_was_settled(
    db_engine: Database, tmp_path: Path
) -> None:
    job_id = submit(db_engine, predictions=predict_flat(100, **GOOD_LARGE), objective=budget(1250))
    engine = FakeEngine(
        lambda request: Completion(
            texts=("yes",), finish_reasons=("stop",), prompt_tokens=5, output_tokens=request.max_tokens
        )
    )
    assert drive(db_engine, job_id, [engine], make_settings(tmp_path))
    done = progress_of(db_engine, job_id)
    assert done.spent <= 1250
    assert done.overrun == 0
    assert done.outcomes + done.requeued.get(RequeueReason.BUDGET_EXHAUSTED, 0) == 100
    assert done.outcomes >= 99  # at its worst a small answer costs 10, so the budget serves all


class DeadBell:
    """A doorbell whose rings are all lost."""

    def __init__(self) -> None:
        self.rings = 0

    def ring(self) -> None:
        self.rings += 1

    async def wait(self, *, timeout_seconds: float) -> None:
        await asyncio.sleep(timeout_seconds / 50)


def test_a_lost_ring_costs_time_and_never_a_task(db_engine: Database, tmp_path: Path) -> None:
    job_id = submit(db_engine, predictions=predict_flat(30, **GOOD_LARGE), objective=budget(1200))
    bell, engine = DeadBell(), FakeEngine(answer_with("yes", tokens=3))
    assert drive(db_engine, job_id, [engine], make_settings(tmp_path), hang_bell=lambda: bell)
    assert bell.rings > 0  # it is this one that the dispatcher was given
    assert progress_of(db_engine, job_id).outcomes == 30


def test_a_task_that_fits_no_more_is_named_and_the_job_still_ends(db_engine: Database, tmp_path: Path) -> None:
    job_id = submit(db_engine, predictions=predict_flat(30, **GOOD_LARGE), objective=budget(200))
    engine = FakeEngine(answer_with("yes", tokens=10))
    assert drive(db_engine, job_id, [engine], make_settings(tmp_path))
    done = progress_of(db_engine, job_id)
    assert done.outcomes == 20
    assert done.requeued == {RequeueReason.BUDGET_EXHAUSTED: 10}
    with session_scope(db_engine) as session:
        assert read_job(session, job_id=job_id).state is JobState.COMPLETED


def test_a_lying_engine_is_charged_to_its_reservation_and_the_rest_is_shown_as_overrun(
    db_engine: Database, tmp_path: Path
) -> None:
    job_id = submit(db_engine, predictions=predict_flat(8, **GOOD_LARGE), objective=budget(400))
    assert drive(db_engine, job_id, [FakeEngine(answer_with("yes", tokens=45))], make_settings(tmp_path))
    with session_scope(db_engine) as session:
        job = read_job(session, job_id=job_id)
        books = read_budget(session, budget_id=job.budget_id)
    assert books.spent <= 400
    assert books.overrun > 0
    assert books.spent + books.overrun == 8 * 45


def test_a_refused_prompt_fails_alone(db_engine: Database, tmp_path: Path) -> None:
    def answer(request: GenerationRequest) -> Completion:
        if request.messages[-1].content == "task-3":
            raise PromptRefused("too long")
        return answer_with("yes", tokens=3)(request)

    job_id = submit(db_engine, predictions=predict_flat(10, **GOOD_LARGE), objective=budget(1000))
    assert drive(db_engine, job_id, [FakeEngine(answer)], make_settings(tmp_path))
    with session_scope(db_engine) as session:
        failed = [row for row in iterate_results(session, job_id=job_id) if row.outcome and row.outcome.error_code]
    assert [(row.custom_id, row.outcome.error_code, row.outcome.cost) for row in failed if row.outcome] == [
        ("task-3", "prompt_refused", 0)
    ]


def test_an_engine_that_is_away_for_a_moment_costs_nothing_extra(db_engine: Database, tmp_path: Path) -> None:
    seen: Counter[str] = Counter()

    def answer(request: GenerationRequest) -> Completion:
        seen[request.messages[-1].content] += 1
        if seen[request.messages[-1].content] == 1:
            raise EngineUnavailable("busy", retry_after_seconds=0.01)
        return answer_with("yes", tokens=3)(request)

    job_id = submit(db_engine, predictions=predict_flat(10, **GOOD_LARGE), objective=budget(1000))
    assert drive(db_engine, job_id, [FakeEngine(answer)], make_settings(tmp_path))
    done = progress_of(db_engine, job_id)
    assert (done.outcomes, done.errors, done.spent) == (10, 0, 30)


def test_a_dead_engine_is_replaced_and_what_it_may_have_done_is_charged(db_engine: Database, tmp_path: Path) -> None:
    alive = threading.Event()

    def die_later(request: GenerationRequest) -> Completion:
        if request.messages[-1].content == "task-7":
            alive.set()
        if alive.is_set():
            raise EngineDied("gone")
        return answer_with("yes", tokens=3)(request)

    job_id = submit(db_engine, predictions=predict_flat(20, **GOOD_LARGE), objective=budget(2000))
    second = FakeEngine(answer_with("yes", tokens=3))
    assert drive(db_engine, job_id, [FakeEngine(die_later), second], make_settings(tmp_path))
    done = progress_of(db_engine, job_id)
    assert (done.outcomes, done.errors, done.reserved) == (20, 0, 0)
    assert second.started == 1
    assert done.spent > 60  # twenty answers and the worst case of those that died


def test_draining_finishes_what_runs_and_another_command_goes_on(db_engine: Database, tmp_path: Path) -> None:
    draining = threading.Event()

    def answer(request: GenerationRequest) -> Completion:
        draining.set()
        return answer_with("yes", tokens=3)(request)

    job_id = submit(db_engine, predictions=predict_flat(200, **GOOD_LARGE), objective=budget(8000))
    first = FakeEngine(answer)
    settings = make_settings(tmp_path)
    assert not drive(db_engine, job_id, [first], settings, draining=draining)
    half = progress_of(db_engine, job_id)
    assert 0 < half.outcomes < 200
    assert (half.reserved, half.burned) == (0, 0)
    second = FakeEngine(answer_with("yes", tokens=3))
    assert drive(db_engine, job_id, [second], settings)
    assert Counter(first.asked + second.asked) == Counter(f"task-{number}" for number in range(200))
    assert progress_of(db_engine, job_id).spent == 600


def test_a_task_whose_workers_are_always_lost_ends_with_a_reason(db_engine: Database, tmp_path: Path) -> None:
    def answer(request: GenerationRequest) -> Completion:
        raise KeyboardInterrupt  # as a kill would look to everybody else: nothing is settled

    job_id = submit(db_engine, predictions=predict_flat(1, **GOOD_LARGE), objective=budget(2000))
    settings = make_settings(tmp_path, lease_seconds=0.3, batch_tasks=1)
    for _ in range(3):
        try:
            drive(db_engine, job_id, [FakeEngine(answer)], settings)
        except KeyboardInterrupt:
            continue
    assert drive(db_engine, job_id, [FakeEngine(answer)], settings)
    done = progress_of(db_engine, job_id)
    assert (done.outcomes, done.errors) == (1, 1)
    assert done.burned > 0
