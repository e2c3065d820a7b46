"""What shares a window's money: the rest of its job, and other jobs of its budget."""

from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine as Database
from sqlalchemy import select, update

from db.jobs import Job, read_job
from db.predictions import Predictions
from db.session import session_scope
from db.tables import BudgetRow, JobRow, WindowRow
from db.twins import store_twins
from db.windows import ClaimedWindow, claim_window
from router import allocate
from tests.worker.fake_night import make_settings, predict_flat
from tests.worker.large_job import predict_varied, store
from worker.budget_backlog import JOINT_TASKS, BudgetBacklog
from worker.job_backlog import Unrouted, find_margin
from worker.job_predictions import JobPredictions
from worker.objective import Mode
from worker.prediction_rows import find_servable, join_rows, take_rows
from worker.routing import open_routing, route_next_window

FLAT = {"small": (0.2, 5.0), "large": (0.9, 20.0)}


def take(database: Database, job: Job, *, size: int) -> ClaimedWindow:
    with session_scope(database) as session:
        window = claim_window(session, job_id=job.id, size=size, owner="me", lease_seconds=60.0)
    assert window is not None
    return window


def find_rest(database: Database, job: Job, window: ClaimedWindow) -> Unrouted | Predictions:
    predictions = JobPredictions(database, job=job)
    return BudgetBacklog(database, job=job, predictions=predictions).find_rest(window)


def share_budget(database: Database, jobs: list[Job]) -> list[Job]:
    """The jobs, all on the budget of the first."""
    with session_scope(database) as session:
        for job in jobs:  # with the promises of their own budgets taken back
            session.execute(update(BudgetRow).where(BudgetRow.id == job.budget_id).values(kept=0))
            own = update(JobRow).where(JobRow.id == job.id)
            session.execute(own.values(budget_id=jobs[0].budget_id, promised=False))
        return [read_job(session, job_id=job.id) for job in jobs]


@pytest.mark.parametrize(("tasks", "kind"), [(JOINT_TASKS, Predictions), (JOINT_TASKS + 1, Unrouted)])
def test_a_small_job_alone_is_allocated_with_its_windows(db_engine: Database, tasks: int, kind: type) -> None:
    job = store(db_engine, predict_flat(tasks, **FLAT), cap=10**6)
    assert isinstance(find_rest(db_engine, job, take(db_engine, job, size=10)), kind)


def test_rows_are_those_that_no_group_has(db_engine: Database) -> None:
    stored = predict_varied(40)
    job = store(db_engine, stored, cap=10**6)
    with session_scope(db_engine) as session:
        store_twins(session, job_id=job.id, leader_of={30: 2, 39: 3})
        job = read_job(session, job_id=job.id)
    take(db_engine, job, size=5)
    window = take(db_engine, job, size=10)
    rest = find_rest(db_engine, job, window)
    assert isinstance(rest, Predictions)
    rows = [*range(5), *(seq for seq in range(15, 40) if seq not in (30, 39))]
    np.testing.assert_array_equal(rest.cost, stored.cost[rows])


def test_a_shared_budget_has_the_tasks_of_all_its_jobs(db_engine: Database) -> None:
    stored = [predict_varied(50, seed) for seed in range(3)]
    one, two, three = share_budget(db_engine, [store(db_engine, rows, cap=10**6) for rows in stored])
    take(db_engine, two, size=20)
    window = take(db_engine, one, size=30)
    rest = find_rest(db_engine, one, window)
    assert isinstance(rest, Unrouted)
    parts = [take_rows(stored[0], slice(30, None)), *stored[1:]]
    tasks = sum(int(find_servable(part).sum()) for part in parts)
    least = sum(float(np.nanmin(part.cost[find_servable(part)], axis=1).sum()) for part in parts)
    assert rest.sketch.tasks == tasks
    assert rest.sketch.cost == pytest.approx(least)
    assert three.budget_id == one.budget_id


def test_a_job_with_a_plan_of_its_own_is_not_priced_with_others(db_engine: Database) -> None:
    jobs = share_budget(db_engine, [store(db_engine, predict_varied(50), cap=10**6) for _ in range(2)])
    target = {**jobs[0].objective, "mode": Mode.TARGET, "cap": None, "planned_cost": "400"}
    with session_scope(db_engine) as session:
        session.execute(update(JobRow).where(JobRow.id == jobs[0].id).values(objective=target))
        planned = read_job(session, job_id=jobs[0].id)
    rest = find_rest(db_engine, planned, take(db_engine, planned, size=30))
    assert isinstance(rest, Predictions)
    assert len(rest.cost) == 20


def test_jobs_that_share_a_budget_are_allocated_as_one(db_engine: Database, tmp_path: Path) -> None:
    stored = [predict_varied(2000, seed) for seed in range(2)]
    stored[1].accuracy[:, 1] = np.fmin.reduce(stored[1].accuracy, axis=1)  # little to gain in the second job
    jobs = share_budget(db_engine, [store(db_engine, rows, cap=50_000) for rows in stored])
    routed = [open_routing(db_engine, job=job) for job in jobs]
    settings = make_settings(tmp_path, window_tasks=400)
    for _ in range(5):
        for opened in routed:
            assert route_next_window(db_engine, routed=opened, owner="me", settings=settings)
    able = [take_rows(rows, find_servable(rows)) for rows in stored]
    together = join_rows(able)
    best = allocate(together.accuracy, together.cost, 50_000 - find_margin(together))
    costs = together.cost[np.arange(len(best.choice)), best.choice]
    planned = [costs[: len(able[0].cost)].sum(), costs[len(able[0].cost) :].sum()]
    with session_scope(db_engine) as session:
        windows = session.execute(select(WindowRow.job_id, WindowRow.predicted_cost)).all()
    spent = [sum(int(cost or 0) for job_id, cost in windows if job_id == job.id) for job in jobs]
    assert spent == pytest.approx(planned, rel=0.01)
    assert spent[0] > 1.2 * spent[1]
