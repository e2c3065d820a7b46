"""The sketch of a job's unrouted tasks follows what is routed, and windows at its price add up to the best plan."""

import dataclasses
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine as Database
from sqlalchemy import select

from db.jobs import Job, read_job
from db.predictions import Predictions
from db.session import session_scope
from db.tables import WindowRow
from db.twins import store_twins
from db.windows import claim_window
from router import allocate, sketch_frontier
from router.pacing.scale import fit_scale
from router.units import Unit
from tests.worker.fake_night import budget, make_settings, predict_flat
from tests.worker.large_job import TASKS, predict_varied, store
from worker.budget_backlog import JOINT_TASKS
from worker.job_backlog import JobBacklog, Unrouted, choose_scale, find_margin
from worker.job_predictions import JobPredictions
from worker.objective import Mode, Objective
from worker.prediction_rows import find_servable, take_rows
from worker.routing import RoutedJob, open_routing, route_next_window
from worker.window_choice import Money, choose_at_price, choose_jointly

CAP = 250_000  # of 120,000 to 440,000 as predicted


def open_backlog(database: Database, job: Job) -> JobBacklog:
    predictions = JobPredictions(database, job=job)
    scale = choose_scale(predictions, tasks=job.task_count, objective=budget(CAP))
    return JobBacklog(database, job=job, predictions=predictions, scale=scale)


def check(unrouted: Unrouted, rows: Predictions) -> None:
    able = take_rows(rows, find_servable(rows))
    whole = sketch_frontier(able.accuracy, able.cost, unrouted.sketch.scale)
    assert unrouted.sketch.tasks == whole.tasks
    np.testing.assert_array_equal(unrouted.sketch.upgrades, whole.upgrades)
    np.testing.assert_allclose(unrouted.sketch.gain, whole.gain, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(unrouted.sketch.extra_cost, whole.extra_cost, rtol=1e-9, atol=1e-6)
    assert unrouted.sketch.cost == pytest.approx(whole.cost)
    assert unrouted.margin >= find_margin(able)


def test_the_sketch_is_of_what_the_cursor_has_not_reached(db_engine: Database) -> None:
    stored = predict_varied()
    backlog = open_backlog(db_engine, store(db_engine, stored, cap=CAP))
    for cursor_seq in (0, 5000, 5001, 15_001, TASKS - 1, TASKS):
        check(backlog.find_unrouted(cursor_seq=cursor_seq, others=[]), take_rows(stored, slice(cursor_seq, None)))
    assert backlog.find_unrouted(cursor_seq=TASKS, others=[]).sketch.cost == 0


def test_a_router_that_starts_late_finds_the_same(db_engine: Database) -> None:
    stored = predict_varied()
    late = open_backlog(db_engine, dataclasses.replace(store(db_engine, stored, cap=CAP), cursor_seq=12_345))
    check(late.find_unrouted(cursor_seq=12_345, others=[]), take_rows(stored, slice(12_345, None)))
    check(late.find_unrouted(cursor_seq=20_000, others=[]), take_rows(stored, slice(20_000, None)))


def test_tasks_that_others_hold_or_that_came_back_count_as_well(db_engine: Database) -> None:
    stored = predict_varied()
    backlog = open_backlog(db_engine, store(db_engine, stored, cap=CAP))
    others = [3, 4, 5, 999]
    rows = np.array([*others, *range(10_000, TASKS)])
    check(backlog.find_unrouted(cursor_seq=10_000, others=others), take_rows(stored, rows))
    check(backlog.find_unrouted(cursor_seq=10_000, others=[]), take_rows(stored, slice(10_000, None)))


def test_twins_cost_nothing_and_make_the_task_that_they_repeat_worth_more(db_engine: Database) -> None:
    stored = predict_varied(30)
    job = store(db_engine, stored, cap=CAP)
    with session_scope(db_engine) as session:
        store_twins(session, job_id=job.id, leader_of={12: 1, 20: 1, 29: 2})
        job = read_job(session, job_id=job.id)
    backlog = open_backlog(db_engine, job)
    alike = np.ones((30, 1), dtype=np.float32)
    alike[[1, 2]] = [[3], [2]]
    weighed = replace(stored, accuracy=stored.accuracy * alike)
    for cursor_seq in (0, 13, 29):
        rows = np.setdiff1d(np.arange(cursor_seq, 30), [12, 20, 29])
        check(backlog.find_unrouted(cursor_seq=cursor_seq, others=[]), take_rows(weighed, rows))


def routed_windows(database: Database) -> list[WindowRow]:
    with session_scope(database) as session:
        return list(session.execute(select(WindowRow).order_by(WindowRow.id)).scalars())


def test_windows_of_a_large_job_add_up_to_the_best_plan(db_engine: Database, tmp_path: Path) -> None:
    stored = predict_varied()
    job = store(db_engine, stored, cap=CAP)
    routed, settings = open_routing(db_engine, job=job), make_settings(tmp_path, window_tasks=3000)
    able = take_rows(stored, find_servable(stored))
    best = allocate(able.accuracy, able.cost, CAP - find_margin(able))
    while route_next_window(db_engine, routed=routed, owner="me", settings=settings):
        pass
    windows = routed_windows(db_engine)
    assert len(windows) == 8
    costs = [int(window.predicted_cost or 0) for window in windows]
    assert 0 <= CAP - find_margin(able) - sum(costs) <= 100
    assert costs[-1] > 1.5 * costs[0]  # the dear strategy helps most at the end
    first = windows[0]
    assert first.upper_bound is not None
    assert first.gap is not None
    assert first.upper_bound == pytest.approx(best.upper_bound, rel=1e-4)
    assert first.upper_bound >= best.accuracy
    assert first.shadow_price == pytest.approx(best.shadow_price, rel=0.02)
    assert 0 <= first.gap <= 1e-4 * best.accuracy


def test_a_window_that_another_router_holds_keeps_its_share(db_engine: Database, tmp_path: Path) -> None:
    stored = predict_varied()
    job = store(db_engine, stored, cap=CAP)
    routed, settings = open_routing(db_engine, job=job), make_settings(tmp_path, window_tasks=3000)
    with session_scope(db_engine) as session:
        held = claim_window(session, job_id=job.id, size=21_000, owner="other", lease_seconds=60.0)
    assert held is not None
    route_next_window(db_engine, routed=routed, owner="me", settings=settings)
    able = take_rows(stored, find_servable(stored))
    best = allocate(able.accuracy, able.cost, CAP - find_margin(able))
    mine = np.flatnonzero(find_servable(stored)) >= 21_000
    planned = float(able.cost[mine, best.choice[mine]].sum())
    assert int(routed_windows(db_engine)[-1].predicted_cost or 0) == pytest.approx(planned, rel=0.01)


def money(cap: int | None, *, routed: int = 0) -> Money:
    return Money(tasks=TASKS, cap=cap, settled=0, burned=0, reserved=0, kept=0, routed=routed, in_flight=routed)


def sum_up(rows: Predictions, *, like: Predictions) -> Unrouted:
    able = take_rows(rows, find_servable(rows))
    scale = fit_scale(like.accuracy, like.cost, unit="tokens")
    return Unrouted(sketch=sketch_frontier(able.accuracy, able.cost, scale), margin=find_margin(able))


def served(seed: int = 0) -> Predictions:
    rows = predict_varied(6000, seed)
    return take_rows(rows, find_servable(rows))


def test_a_window_costs_at_its_price_what_it_costs_in_the_joint_allocation() -> None:
    rows = served()
    window, rest = take_rows(rows, slice(1000)), take_rows(rows, slice(1000, None))
    for cap in (45_000, 60_000, 75_000):
        here = choose_at_price(window, rest=sum_up(rest, like=rows), objective=budget(cap), money=money(cap))
        joint = choose_jointly(rows, window_tasks=1000, objective=budget(cap), money=money(cap))
        assert here.allowance == joint.allowance
        assert np.mean(here.choice == joint.choice) > 0.99


def test_jobs_that_share_a_budget_have_a_common_price() -> None:
    mine, theirs = served(0), served(1)
    window, rest = take_rows(mine, slice(1000)), sum_up(take_rows(mine, slice(1000, None)), like=mine)
    alone = choose_at_price(window, rest=rest, objective=budget(60_000), money=money(60_000))
    shared = rest + sum_up(theirs, like=mine)
    together = choose_at_price(window, rest=shared, objective=budget(120_000), money=money(120_000))
    poorer = choose_at_price(window, rest=shared, objective=budget(80_000), money=money(80_000))
    assert np.mean(together.choice == alone.choice) > 0.97
    assert poorer.choice.sum() < alone.choice.sum()
    assert shared.margin == max(rest.margin, find_margin(theirs))


def test_what_the_predictions_do_not_allow_is_left_to_admission() -> None:
    rows = served()
    chosen = choose_at_price(rows, rest=sum_up(rows, like=rows), objective=budget(50_000), money=money(50_000))
    assert chosen.certificate is None
    np.testing.assert_array_equal(chosen.choice, np.nanargmin(rows.cost, axis=1))
    assert chosen.allowance == 50_000 - int(find_margin(rows))


def test_a_target_is_paced_by_what_was_planned() -> None:
    rows = served()
    window, rest = take_rows(rows, slice(1000)), sum_up(take_rows(rows, slice(1000, None)), like=rows)
    target = Objective(mode=Mode.TARGET, unit=Unit.TOKENS, stated="t", target_accuracy=0.5, planned_cost=60_000)
    paced = choose_at_price(window, rest=rest, objective=target, money=money(None))
    same = choose_at_price(window, rest=dataclasses.replace(rest, margin=0.0), objective=target, money=money(None))
    assert (paced.allowance, same.allowance) == (60_000, 60_000)
    later = choose_at_price(window, rest=rest, objective=target, money=money(None, routed=10_000))
    assert later.allowance == 50_000


def test_the_margin_is_the_largest_of_what_is_left(db_engine: Database) -> None:
    stored = predict_flat(TASKS, small=(0.2, 5.0), large=(0.9, 20.0))
    stored.worst_cost[100, 0] = 39.0  # less than the large one's: 34 more than predicted
    backlog = open_backlog(db_engine, store(db_engine, stored, cap=CAP))
    assert backlog.find_unrouted(cursor_seq=0, others=[]).margin == 34
    assert backlog.find_unrouted(cursor_seq=10_000, others=[]).margin == 5
    assert backlog.find_unrouted(cursor_seq=10_000, others=[100]).margin == 34


def test_a_job_that_nobody_can_serve_has_an_empty_sketch(db_engine: Database, tmp_path: Path) -> None:
    stored = predict_flat(JOINT_TASKS + 1, small=(0.2, 5.0), large=(0.9, 20.0))
    for array in (stored.accuracy, stored.cost, stored.worst_cost):
        array[:] = np.nan
    routed: RoutedJob = open_routing(db_engine, job=store(db_engine, stored, cap=0))
    window = route_next_window(db_engine, routed=routed, owner="me", settings=make_settings(tmp_path))
    assert window is not None
    assert (window.groups, window.tasks) == (0, 20)
