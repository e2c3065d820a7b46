"""Whole nights with random costs, answers, budgets and deaths: the cap holds, and no task is without its end."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine as Database

from db.budgets import Budget, read_budget
from db.jobs import read_job
from db.predictions import Predictions
from db.progress import JobProgress, read_progress
from db.session import session_scope
from db.states import RequeueReason
from router.generation import Completion, GenerationRequest
from tests.worker.fake_night import MAX_TOKENS, FakeEngine, budget, drive, make_settings, make_tasks, submit
from worker.engines.errors import EngineDied

# A night takes a third of a second: few examples, each with many tasks.
NIGHTS = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


class Night(NamedTuple):
    predictions: Predictions
    caps: list[int]  # tokens that each task's caller allows
    seed: int


@st.composite
def nights(draw: st.DrawFn) -> Night:
    """Up to 40 tasks: their callers' caps make worst cases differ, predictions are anything below those."""
    caps = draw(st.lists(st.integers(1, 60), min_size=1, max_size=40))
    seed = draw(st.integers(0, 2**32 - 1))
    random = np.random.default_rng(seed)
    worst = np.minimum(np.array(caps)[:, None], list(MAX_TOKENS.values())).astype(np.float64)  # (tasks, strategies)
    predictions = Predictions(
        accuracy=random.random(worst.shape).astype(np.float32),
        cost=np.ceil(worst * random.random(worst.shape)),
        worst_cost=worst,
        prompt_tokens=np.full(worst.shape, 5, dtype=np.int32),
    )
    return Night(predictions, caps, seed)


class Moody(FakeEngine):
    """Answers at any length within the request's limit; may die after some requests."""

    def __init__(self, seed: int, *, dies_after: int | None = None) -> None:
        super().__init__(self.answer_somehow)
        self._random = np.random.default_rng(seed)
        self._dies_after = dies_after

    def answer_somehow(self, request: GenerationRequest) -> Completion:
        if self._dies_after is not None and len(self.asked) > self._dies_after:
            raise EngineDied("gone")
        most = request.max_tokens
        tokens = (0, most, int(self._random.integers(0, most + 1)))[self._random.integers(3)]
        return Completion(texts=("yes",), finish_reasons=("stop",), prompt_tokens=5, output_tokens=tokens)


def run_night(database: Database, folder: Path, night: Night, *, cap: int, engines: list[Moody]) -> int:
    tasks = make_tasks(len(night.caps), body=lambda number: {"max_tokens": night.caps[number]})
    job_id = submit(database, predictions=night.predictions, objective=budget(cap), tasks=tasks)
    assert drive(database, job_id, engines, make_settings(folder, window_tasks=9, group_tasks=6, batch_tasks=3))
    return job_id


def read_end(database: Database, job_id: int) -> tuple[Budget, JobProgress]:
    with session_scope(database) as session:
        books = read_budget(session, budget_id=read_job(session, job_id=job_id).budget_id)
        return books, read_progress(session, job_id=job_id)


@NIGHTS
@given(night=nights(), share=st.floats(0, 1))
def test_a_budget_that_covers_the_least_worst_total_answers_every_task(
    db_engine: Database, tmp_path: Path, night: Night, share: float
) -> None:
    least = int(night.predictions.worst_cost.min(axis=1).sum())
    most = int(night.predictions.worst_cost.max(axis=1).sum())
    cap = least + int(share * (most - least))
    job_id = run_night(db_engine, tmp_path, night, cap=cap, engines=[Moody(night.seed)])
    books, end = read_end(db_engine, job_id)
    assert (end.outcomes, end.errors, end.requeued) == (len(night.caps), 0, {})
    assert (books.reserved, books.burned, books.overrun) == (0, 0, 0)
    assert books.spent <= cap


@NIGHTS
@given(night=nights(), share=st.floats(0, 1), deaths=st.lists(st.integers(0, 30), max_size=3))
def test_whatever_the_budget_and_however_many_engines_die_the_cap_holds_and_every_task_has_its_end(
    db_engine: Database, tmp_path: Path, night: Night, share: float, deaths: list[int]
) -> None:
    cap = int(share * night.predictions.worst_cost.min(axis=1).sum())
    engines = [Moody(night.seed + number, dies_after=after) for number, after in enumerate(deaths)]
    job_id = run_night(db_engine, tmp_path, night, cap=cap, engines=[*engines, Moody(night.seed)])
    books, end = read_end(db_engine, job_id)
    assert end.outcomes + end.requeued.get(RequeueReason.BUDGET_EXHAUSTED, 0) == len(night.caps)
    assert (books.reserved, books.burned, books.overrun) == (0, 0, 0)
    assert books.spent <= cap


@pytest.mark.parametrize("tasks", [0, 1])
def test_the_smallest_nights(db_engine: Database, tmp_path: Path, tasks: int) -> None:
    worst = np.tile(np.array([10.0, 40.0]), (tasks, 1))
    accuracy = np.full(worst.shape, 0.5, dtype=np.float32)
    predictions = Predictions(
        accuracy=accuracy, cost=worst, worst_cost=worst, prompt_tokens=np.full(worst.shape, 5, dtype=np.int32)
    )
    job_id = submit(db_engine, predictions=predictions, objective=budget(10 * tasks), tasks=make_tasks(tasks))
    assert drive(db_engine, job_id, [Moody(0)], make_settings(tmp_path))
    assert read_end(db_engine, job_id)[1].outcomes == tasks
