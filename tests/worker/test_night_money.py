"""Nights whose money is tight: what was paid in vain, turned away or lost takes no other task's share."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine as Database

from db.jobs import read_job
from db.predictions import Predictions
from db.progress import JobProgress, read_progress
from db.session import session_scope
from router.generation import Completion, GenerationRequest
from tests.db.building import claim, end_leases, reserve
from tests.worker.fake_night import FakeEngine, answer_with, budget, drive, make_settings, predict_flat, submit
from worker import batch_results
from worker.attempt import TRIES
from worker.engines.errors import EngineDied, EngineUnavailable
from worker.routing import open_routing, route_next_window

FLAT = {"small": (0.2, 5.0), "large": (0.9, 20.0)}


def progress_of(database: Database, job_id: int) -> JobProgress:
    with session_scope(database) as session:
        return read_progress(session, job_id=job_id)


def name_of(request: GenerationRequest) -> str:
    return request.messages[-1].content


@pytest.mark.parametrize(("later_tokens", "answered"), [(10, 29), (3, 30)])
def test_what_an_engine_cost_without_an_answer_does_not_deny_everybody_the_rest(
    db_engine: Database, tmp_path: Path, later_tokens: int, answered: int
) -> None:
    """The cap covers every least worst case exactly; then a dead engine costs one of them."""

    def answer(request: GenerationRequest) -> Completion:
        number = int(name_of(request).removeprefix("task-"))
        return answer_with("yes", tokens=10 if number < 20 else later_tokens)(request)

    def die_once(request: GenerationRequest) -> Completion:
        if name_of(request) == "task-2":
            raise EngineDied("gone")
        return answer(request)

    job_id = submit(db_engine, predictions=predict_flat(30, small=(0.2, 5.0), large=(0.1, 20.0)), objective=budget(300))
    assert drive(db_engine, job_id, [FakeEngine(die_once), FakeEngine(answer)], make_settings(tmp_path))
    done = progress_of(db_engine, job_id)
    assert done.outcomes == answered  # short answers at the end leave enough for all, though the worst case did not
    assert done.spent == 10 + 10 * 20 + later_tokens * (answered - 20)


def predict_pinned(count: int, *, to_small: int) -> Predictions:
    """The first tasks can be served by the small strategy alone, all others much better by the large one."""
    predictions = predict_flat(count, **FLAT)
    predictions.cost[:, 1] = 1.0  # a bargain, as predicted; at worst it is 40
    for array in (predictions.accuracy, predictions.cost, predictions.worst_cost):
        array[:to_small, 1] = np.nan
    return predictions


def answer_at_length(request: GenerationRequest) -> Completion:
    return answer_with("yes", tokens=request.max_tokens)(request)


def test_a_task_that_was_turned_away_keeps_its_share(
    db_engine: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_results, "RETRY_DELAY_SECONDS", 0.5)  # the others are routed before it
    turned_away = Counter[str]()

    def answer(request: GenerationRequest) -> Completion:
        if name_of(request) == "task-0" and turned_away["task-0"] < TRIES:
            turned_away["task-0"] += 1
            raise EngineUnavailable("overloaded", retry_after_seconds=0.05)
        return answer_at_length(request)

    # 50 at least, and 20 more: for the others a large one, 40 at worst, would fit only at the cost of the first task.
    job_id = submit(db_engine, predictions=predict_pinned(5, to_small=2), objective=budget(70))
    engine = FakeEngine(answer)
    engine.concurrency = 1
    assert drive(db_engine, job_id, [engine], make_settings(tmp_path, window_tasks=2, batch_tasks=1))
    assert (progress_of(db_engine, job_id).outcomes, turned_away["task-0"]) == (5, TRIES)


def test_tasks_of_a_lost_worker_get_their_share_back(db_engine: Database, tmp_path: Path) -> None:
    job_id = submit(db_engine, predictions=predict_pinned(9, to_small=6), objective=budget(60 + 95))
    with session_scope(db_engine) as session:
        routed = open_routing(db_engine, job=read_job(session, job_id=job_id))
    settings = make_settings(tmp_path, window_tasks=6, batch_tasks=1)
    route_next_window(db_engine, routed=routed, owner="lost", settings=settings)
    group = claim(db_engine, job_id=job_id)
    reserve(db_engine, group, group.seqs, group.amounts)
    end_leases(db_engine)
    assert drive(db_engine, job_id, [FakeEngine(answer_at_length)], settings)
    done = progress_of(db_engine, job_id)
    assert (done.outcomes, done.burned) == (9, 60)
