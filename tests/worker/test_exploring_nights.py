"""Nights that explore: what was drawn is what was written down, at the chances that were, and the cap holds."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine as Database
from sqlalchemy import select

from db.budgets import Budget, read_budget
from db.explorations import Draw, count_explored, iterate_draws
from db.jobs import Job, read_job
from db.predictions import Predictions
from db.results import TaskResult, iterate_results
from db.session import session_scope
from db.tables import WindowRow
from db.tasks import NewTask
from router.allocate import allocate
from router.generation import Completion, GenerationRequest
from tests.db.building import claim, end_leases, finish
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
from worker import budget_backlog
from worker.exploration_terms import ExplorationTerms
from worker.objective import Objective
from worker.routing import open_routing, route_next_window

TASKS = 400
CAP = 6_000
TERMS = ExplorationTerms(share=0.2, points=4.0, need=(0.5, 0.5))
FLOAT32 = 1e-6


def predict(tasks: int = TASKS) -> Predictions:
    """Costs of 5 and 20, at worst 10 and 40; how much better the dear one is, differs."""
    predictions = predict_flat(tasks, small=(0.5, 5.0), large=(0.5, 20.0))
    predictions.accuracy[:] = np.random.default_rng(1).random((tasks, 2))
    return predictions


def exploring(cap: int = CAP, *, terms: ExplorationTerms | None = TERMS) -> Objective:
    return replace(budget(cap), exploration=terms)


def answer_half(request: GenerationRequest) -> Completion:
    """As long as was predicted: half of what is allowed."""
    return answer_with("yes", tokens=request.max_tokens // 2)(request)


def job_of(database: Database, job_id: int) -> Job:
    with session_scope(database) as session:
        return read_job(session, job_id=job_id)


def budget_of(database: Database, job_id: int) -> Budget:
    with session_scope(database) as session:
        return read_budget(session, budget_id=read_job(session, job_id=job_id).budget_id)


def draws_of(database: Database, job_id: int) -> dict[int, Draw]:
    with session_scope(database) as session:
        draws = list(iterate_draws(session, job_id=job_id))
    assert [draw.seq for draw in draws] == sorted({draw.seq for draw in draws})
    return {draw.seq: draw for draw in draws}


def results_of(database: Database, job_id: int) -> list[TaskResult]:
    with session_scope(database) as session:
        return list(iterate_results(session, job_id=job_id))


def count_strayed(draws: dict[int, Draw]) -> int:
    return sum(draw.intended != draw.best for draw in draws.values())


@pytest.mark.parametrize("joint_tasks", [budget_backlog.JOINT_TASKS, 0], ids=["joint", "sketch"])
def test_a_night_draws_at_the_chances_that_it_writes_down_and_keeps_the_cap(
    db_engine: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, joint_tasks: int
) -> None:
    monkeypatch.setattr(budget_backlog, "JOINT_TASKS", joint_tasks)
    job_id = submit(db_engine, predictions=predict(), objective=exploring())
    assert drive(db_engine, job_id, [FakeEngine(answer_half)], make_settings(tmp_path, window_tasks=50))
    draws, results = draws_of(db_engine, job_id), results_of(db_engine, job_id)
    assert len(draws) == TASKS
    for result in results:
        draw, outcome = draws[result.seq], result.outcome
        assert outcome is not None
        assert sum(draw.propensity.values()) == pytest.approx(1, abs=FLOAT32)
        assert outcome.strategy_id == draw.intended
        assert outcome.propensity == pytest.approx(draw.propensity[draw.intended], rel=FLOAT32)
    others = np.array([1 - draw.propensity[draw.best] for draw in draws.values()])
    assert 10 < others.sum() < 100
    deviation = float(np.sqrt((others * (1 - others)).sum()))
    assert abs(count_strayed(draws) - others.sum()) < 4 * deviation
    after = budget_of(db_engine, job_id)
    assert after.spent <= CAP
    assert after.reserved == after.burned == after.overrun == 0


def test_what_exploring_came_to_is_counted(db_engine: Database, tmp_path: Path) -> None:
    job_id = submit(db_engine, predictions=predict(), objective=exploring())
    assert drive(db_engine, job_id, [FakeEngine(answer_half)], make_settings(tmp_path, window_tasks=50))
    draws = draws_of(db_engine, job_id)
    with session_scope(db_engine) as session:
        counts = count_explored(session, job_id=job_id)
    strayed = {draw.seq for draw in draws.values() if draw.intended != draw.best}
    outcomes = [result.outcome for result in results_of(db_engine, job_id) if result.seq in strayed]
    assert (counts.tasks, counts.explored) == (TASKS, len(strayed))
    assert counts.spent == sum(outcome.cost for outcome in outcomes if outcome is not None)
    assert counts.accuracy_given_up <= TERMS.points / 100 * TASKS
    # What a window leaves of it is left for later ones, which set a share of it aside again.
    assert counts.worst_extra_cost <= counts.set_aside <= TERMS.share / (1 - TERMS.share) * CAP


def test_without_terms_everybody_gets_the_best_for_sure(db_engine: Database, tmp_path: Path) -> None:
    predictions = predict()
    job_id = submit(db_engine, predictions=predictions, objective=exploring(terms=None))
    assert drive(db_engine, job_id, [FakeEngine(answer_half)], make_settings(tmp_path, window_tasks=TASKS))
    best = allocate(predictions.accuracy, predictions.cost, CAP - 5)  # a margin for the last task's worst case
    strategy_ids = job_of(db_engine, job_id).strategy_ids
    outcomes = [result.outcome for result in results_of(db_engine, job_id)]
    assert [outcome.strategy_id for outcome in outcomes if outcome] == [strategy_ids[own] for own in best.choice]
    assert {outcome.propensity for outcome in outcomes if outcome} == {1.0}
    assert draws_of(db_engine, job_id) == {}


def test_no_more_is_set_aside_than_exploring_can_use(db_engine: Database, tmp_path: Path) -> None:
    job_id = submit(db_engine, predictions=predict(), objective=exploring(terms=replace(TERMS, points=0.1)))
    routed = open_routing(db_engine, job=job_of(db_engine, job_id))
    settings = make_settings(tmp_path, window_tasks=TASKS)
    assert route_next_window(db_engine, routed=routed, owner="me", settings=settings) is not None
    with session_scope(db_engine) as session:
        window = session.execute(select(WindowRow)).scalar_one()
        counts = count_explored(session, job_id=job_id)
    assert 0 < counts.worst_extra_cost <= counts.set_aside < 0.05 * CAP
    assert window.allowance is not None
    assert CAP - 0.05 * CAP < window.allowance < CAP


def test_a_budget_that_needs_everything_explores_nothing(db_engine: Database, tmp_path: Path) -> None:
    cap = 5 * TASKS + 5  # the cheapest for everybody, and the margin
    job_id = submit(db_engine, predictions=predict(), objective=exploring(cap))
    routed = open_routing(db_engine, job=job_of(db_engine, job_id))
    found = route_next_window(db_engine, routed=routed, owner="me", settings=make_settings(tmp_path))
    assert found is not None
    assert draws_of(db_engine, job_id) == {}


def test_tasks_that_come_back_are_not_drawn_again_and_have_no_chance_to_state(
    db_engine: Database, tmp_path: Path
) -> None:
    settings = make_settings(tmp_path, window_tasks=TASKS, group_tasks=TASKS)
    job_id = submit(db_engine, predictions=predict(), objective=exploring())
    routed = open_routing(db_engine, job=job_of(db_engine, job_id))
    assert route_next_window(db_engine, routed=routed, owner="me", settings=settings) is not None
    before = draws_of(db_engine, job_id)
    group = claim(db_engine, job_id=job_id)
    finish(db_engine, group, hand_back=group.seqs)  # denied
    assert drive(db_engine, job_id, [FakeEngine(answer_half)], settings)
    assert draws_of(db_engine, job_id) == before
    back = set(group.seqs)
    for result in results_of(db_engine, job_id):
        assert result.outcome is not None
        assert (result.outcome.propensity is None) == (result.seq in back)


def test_several_routers_draw_once_for_each_task_also_when_one_of_them_is_lost(
    db_engine: Database, tmp_path: Path
) -> None:
    settings = make_settings(tmp_path, window_tasks=50)
    job_id = submit(db_engine, predictions=predict(), objective=exploring())
    routers = [open_routing(db_engine, job=job_of(db_engine, job_id)) for _ in range(3)]
    for turn in range(4):
        route_next_window(db_engine, routed=routers[turn % 3], owner=f"router-{turn % 3}", settings=settings)
    first = draws_of(db_engine, job_id)
    assert len(first) == 200
    group = claim(db_engine, job_id=job_id)
    end_leases(db_engine, group_id=group.id)
    assert drive(db_engine, job_id, [FakeEngine(answer_half)], settings)
    draws = draws_of(db_engine, job_id)
    assert len(draws) == TASKS
    assert {seq: draws[seq] for seq in first} == first
    assert {result.outcome.propensity is not None for result in results_of(db_engine, job_id) if result.outcome} == {
        True
    }


def test_twins_have_the_chance_of_the_task_that_they_repeat(db_engine: Database, tmp_path: Path) -> None:
    tasks = make_tasks(100)
    tasks += [NewTask(custom_id=f"again-{own.custom_id}", payload=own.payload) for own in tasks]
    predictions = predict(len(tasks))
    job_id = submit(db_engine, predictions=predictions, objective=exploring(), tasks=tasks)
    assert drive(db_engine, job_id, [FakeEngine(answer_half)], make_settings(tmp_path, window_tasks=200))
    draws = draws_of(db_engine, job_id)
    assert set(draws) == set(range(100))
    results = results_of(db_engine, job_id)
    for leader, twin in zip(results[:100], results[100:], strict=True):
        assert leader.outcome is not None
        assert twin.outcome is not None
        assert twin.leader == leader.custom_id
        assert twin.outcome.propensity == leader.outcome.propensity
