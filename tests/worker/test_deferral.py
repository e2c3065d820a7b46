"""Where the money does not reach every task: as many as possible are served, or those that are worth most."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine as Database

from db.predictions import Predictions
from db.progress import JobProgress, read_progress
from db.session import session_scope
from router.allocate import allocate
from router.allocation import DEFERRED, Deferral
from router.generation import Completion
from router.pacing.scale import fit_scale
from router.sketch import sketch_frontier
from tests.worker.fake_night import FakeEngine, budget, drive, make_settings, predict_flat, submit
from tests.worker.test_job_backlog import money
from worker.job_backlog import Unrouted, find_margin
from worker.objective import Objective
from worker.prediction_rows import offer_none, take_rows
from worker.window_choice import choose_at_price, choose_guaranteed, choose_jointly

FLAT = {"small": (0.2, 5.0), "large": (0.9, 20.0)}


def deferring(cap: int, deferral: Deferral | None) -> Objective:
    return dataclasses.replace(budget(cap), deferral=deferral)


def choose(predictions: Predictions, cap: int, deferral: Deferral) -> list[int]:
    asked = deferring(cap, deferral)
    found = choose_jointly(predictions, window_tasks=len(predictions.cost), objective=asked, money=money(cap))
    return sorted(found.choice.tolist())


def test_the_two_ways_differ() -> None:
    four = predict_flat(4, **FLAT)  # for 20, beside a margin of 5: four small answers, or one large one
    assert choose(four, 25, Deferral.SERVE_MOST) == [0, 0, 0, 0]
    assert choose(four, 25, Deferral.MOST_VALUABLE) == [DEFERRED, DEFERRED, DEFERRED, 1]
    assert choose(four, 1_000, Deferral.MOST_VALUABLE) == [1, 1, 1, 1]


def test_denied_tasks_are_given_up_in_the_jobs_own_way() -> None:
    four, left = predict_flat(4, **FLAT), money(40)  # worst cases of 10 and 40
    kept = choose_guaranteed(four, kept_for_others=0, money=left)
    assert kept.choice.tolist() == [0, 0, 0, 0]
    best = choose_guaranteed(four, kept_for_others=0, money=left, deferral=Deferral.MOST_VALUABLE)
    assert sorted(best.choice.tolist()) == [DEFERRED, DEFERRED, DEFERRED, 1]


@pytest.mark.parametrize("cap", [1_000, 3_000, 12_000])
def test_a_window_leaves_out_what_the_whole_allocation_does(cap: int) -> None:
    rng = np.random.default_rng(7)
    rows = predict_flat(3_000, **FLAT)
    rows.accuracy[:] = rng.random(rows.accuracy.shape).astype(np.float32)
    window, rest = take_rows(rows, slice(500)), offer_none(take_rows(rows, slice(500, None)))
    wide = offer_none(rows)
    scale = fit_scale(wide.accuracy, wide.cost, unit="tokens")
    beyond = Unrouted(sketch=sketch_frontier(rest.accuracy, rest.cost, scale), margin=find_margin(window))
    asked = deferring(cap, Deferral.MOST_VALUABLE)
    paced = choose_at_price(window, rest=beyond, objective=asked, money=money(cap))
    best = allocate(rows.accuracy, rows.cost, cap - find_margin(rows), deferral=Deferral.MOST_VALUABLE)
    assert np.mean(paced.choice == best.choice[:500]) > 0.98
    assert (paced.choice == DEFERRED).any()


def answer(database: Database, tmp_path: Path, deferral: Deferral) -> JobProgress:
    job_id = submit(database, predictions=predict_flat(40, **FLAT), objective=deferring(190, deferral))
    engine = FakeEngine(
        lambda request: Completion(
            texts=("yes",),
            finish_reasons=("stop",),
            prompt_tokens=0,
            output_tokens=5 if request.max_tokens == 10 else 20,
        )
    )
    assert drive(database, job_id, [engine], make_settings(tmp_path))
    with session_scope(database) as session:
        return read_progress(session, job_id=job_id)


def find_worth(done: JobProgress) -> float:
    """What its answers were predicted to reach: a large one cost 15 more than a small one."""
    large = (done.spent - 5 * done.outcomes) / 15
    return 0.2 * done.outcomes + 0.7 * large


def test_a_job_is_answered_either_way_within_its_cap(db_engine: Database, tmp_path: Path) -> None:
    most = answer(db_engine, tmp_path, Deferral.SERVE_MOST)
    best = answer(db_engine, tmp_path, Deferral.MOST_VALUABLE)
    assert best.outcomes < most.outcomes / 2 < 20
    assert max(most.spent, best.spent) <= 190
    assert find_worth(best) > find_worth(most)


def test_it_is_kept_with_the_job_and_jobs_of_before_have_none() -> None:
    for deferral in (None, *Deferral):
        asked = deferring(120, deferral)
        assert Objective.from_json(asked.to_json()) == asked
    before = budget(120).to_json()
    del before["deferral"]
    assert Objective.from_json(before) == budget(120)
