"""Routing on the real database: windows become groups, and every task gets its place or its reason."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine as Database
from sqlalchemy import select

from db.budgets import read_budget, set_cap
from db.groups import ClaimedGroup, claim_group
from db.jobs import read_job
from db.plans import commit_window
from db.progress import read_progress
from db.session import run_in_transaction, session_scope
from db.settlements import settle_batch
from db.states import RequeueReason
from db.tables import GroupRow, WindowRow
from db.windows import claim_window
from router.units import Unit
from tests.db.building import claim, finish, outcome, reserve, retry
from tests.worker.fake_night import budget, make_pool, make_settings, make_tasks, predict_flat, submit
from worker.objective import Mode, Objective
from worker.pool import register_pool
from worker.routing import Routed, open_routing, route_next_window
from worker.submission import submit_calibration

FLAT = {"small": (0.2, 5.0), "large": (0.9, 20.0)}


def route(database: Database, job_id: int, folder: Path, **given: object) -> Routed | None:
    with session_scope(database) as session:
        job = read_job(session, job_id=job_id)
    routed = open_routing(database, job=job)
    return route_next_window(database, routed=routed, owner="me", settings=make_settings(folder, **given))


def read_kept(database: Database, job_id: int) -> int | None:
    """What the job's budget keeps free for tasks that were not started."""
    with session_scope(database) as session:
        return read_budget(session, budget_id=read_job(session, job_id=job_id).budget_id).kept


def list_groups(database: Database, job_id: int) -> list[tuple[int, list[int], list[int]]]:
    """(column of the strategy, seqs, reserved amounts) of each group, oldest first."""
    with session_scope(database) as session:
        strategies = list(read_job(session, job_id=job_id).strategy_ids)
        rows = session.execute(select(GroupRow).where(GroupRow.job_id == job_id).order_by(GroupRow.id)).scalars()
        return [(strategies.index(row.strategy_id), list(row.seqs), list(map(int, row.amounts))) for row in rows]


def reasons(database: Database, job_id: int) -> dict[RequeueReason, int]:
    with session_scope(database) as session:
        return dict(read_progress(session, job_id=job_id).requeued)


def deny(database: Database, group: ClaimedGroup) -> None:
    finish(database, group, hand_back=group.seqs)


def test_windows_are_cut_in_order_until_none_is_left(db_engine: Database, tmp_path: Path) -> None:
    job_id = submit(db_engine, predictions=predict_flat(5, **FLAT), objective=budget(1_000))
    sizes = []
    while routed := route(db_engine, job_id, tmp_path, window_tasks=2):
        sizes.append((routed.tasks, routed.groups, routed.unserved))
    assert sizes == [(2, 1, 0), (2, 1, 0), (1, 1, 0)]
    assert [seqs for _, seqs, _ in list_groups(db_engine, job_id)] == [[0, 1], [2, 3], [4]]


def test_groups_reserve_worst_cases_and_are_cut_at_their_size(db_engine: Database, tmp_path: Path) -> None:
    predictions = predict_flat(5, **FLAT)
    predictions.accuracy[3, 1] = 0.1  # the dear strategy is the worse one here
    job_id = submit(db_engine, predictions=predictions, objective=budget(1_000))
    assert route(db_engine, job_id, tmp_path, group_tasks=3) == Routed(window_id=1, tasks=5, groups=3, unserved=0)
    assert list_groups(db_engine, job_id) == [(0, [3], [10]), (1, [0, 1], [40] * 2), (1, [2, 4], [40] * 2)]
    with session_scope(db_engine) as session:
        window = session.execute(select(WindowRow).where(WindowRow.job_id == job_id)).scalar_one()
        assert (window.predicted_cost, window.allowance) == (85, 995)
        assert window.gap == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(("tasks", "sizes"), [(3, [3]), (4, [2, 2]), (7, [3, 2, 2]), (10, [3, 3, 2, 2])])
def test_no_group_is_a_rest_of_few_tasks(db_engine: Database, tmp_path: Path, tasks: int, sizes: list[int]) -> None:
    job_id = submit(db_engine, predictions=predict_flat(tasks, **FLAT), objective=budget(1_000))
    assert route(db_engine, job_id, tmp_path, group_tasks=3) is not None
    assert [len(seqs) for _, seqs, _ in list_groups(db_engine, job_id)] == sizes
    assert [seq for _, seqs, _ in list_groups(db_engine, job_id) for seq in seqs] == list(range(tasks))


def test_a_task_that_nobody_can_serve_says_so_and_the_others_go_on(db_engine: Database, tmp_path: Path) -> None:
    predictions = predict_flat(4, **FLAT)
    for array in (predictions.accuracy, predictions.cost, predictions.worst_cost):
        array[1] = np.nan
        array[2, 0] = np.nan
    job_id = submit(db_engine, predictions=predictions, objective=budget(45))
    assert route(db_engine, job_id, tmp_path) is not None
    assert list_groups(db_engine, job_id) == [(0, [0, 3], [10, 10]), (1, [2], [40])]
    assert reasons(db_engine, job_id) == {RequeueReason.NOT_ELIGIBLE: 1}


def test_a_job_that_nobody_can_serve_is_routed_to_its_end(db_engine: Database, tmp_path: Path) -> None:
    predictions = predict_flat(2, **FLAT)
    for array in (predictions.accuracy, predictions.cost, predictions.worst_cost):
        array[:] = np.nan
    job_id = submit(db_engine, predictions=predictions, objective=budget(0))
    assert route(db_engine, job_id, tmp_path) == Routed(window_id=1, tasks=2, groups=0, unserved=0)
    assert reasons(db_engine, job_id) == {RequeueReason.NOT_ELIGIBLE: 2}


def test_denied_tasks_come_back_by_their_worst_cases(db_engine: Database, tmp_path: Path) -> None:
    job_id = submit(db_engine, predictions=predict_flat(3, **FLAT), objective=budget(65))
    assert route(db_engine, job_id, tmp_path) is not None
    assert list_groups(db_engine, job_id) == [(1, [0, 1, 2], [40] * 3)]  # 60 as predicted, 120 at worst
    deny(db_engine, claim(db_engine, job_id=job_id))
    assert route(db_engine, job_id, tmp_path) is not None
    assert Counter(column for column, _, _ in list_groups(db_engine, job_id)[1:]) == {0: 1, 1: 1}
    assert sum(sum(amounts) for _, _, amounts in list_groups(db_engine, job_id)[1:]) == 60


def test_denied_tasks_leave_free_what_the_rest_of_the_job_needs(db_engine: Database, tmp_path: Path) -> None:
    job_id = submit(db_engine, predictions=predict_flat(6, **FLAT), objective=budget(75))
    assert read_kept(db_engine, job_id) == 60
    route(db_engine, job_id, tmp_path, window_tasks=3)
    groups = list_groups(db_engine, job_id)
    assert 1 in [column for column, _, _ in groups]  # as predicted, a large one is within the budget
    for _ in groups:
        deny(db_engine, claim(db_engine, job_id=job_id))
    route(db_engine, job_id, tmp_path, window_tasks=3)
    assert list_groups(db_engine, job_id)[-1] == (0, [0, 1, 2], [10] * 3)


def test_what_fits_no_more_is_named_and_nothing_is_kept_for_it(db_engine: Database, tmp_path: Path) -> None:
    job_id = submit(db_engine, predictions=predict_flat(3, **FLAT), objective=budget(30))
    route(db_engine, job_id, tmp_path)
    with session_scope(db_engine) as session:
        set_cap(session, budget_id=read_job(session, job_id=job_id).budget_id, cap=29)  # 30 would cover all three
    assert read_kept(db_engine, job_id) is None
    while group := claim_any(db_engine, job_id):
        deny(db_engine, group)
    routed = route(db_engine, job_id, tmp_path)
    assert routed is not None
    assert routed.unserved == 1
    assert reasons(db_engine, job_id) == {RequeueReason.BUDGET_EXHAUSTED: 1}


def claim_any(database: Database, job_id: int) -> ClaimedGroup | None:
    with session_scope(database) as session:
        return claim_group(session, owner="worker", lease_seconds=60, job_id=job_id)


def test_what_is_given_up_is_kept_free_no_longer(db_engine: Database, tmp_path: Path) -> None:
    predictions = predict_flat(3, **FLAT)
    job_id = submit(db_engine, predictions=predictions, objective=budget(1_000))
    assert read_kept(db_engine, job_id) == 30
    with session_scope(db_engine) as session:
        window = claim_window(session, job_id=job_id, size=3, owner="me", lease_seconds=60)
        assert window is not None
        commit_window(
            session, window_id=window.id, fence=window.fence, groups=[], unserved=window.seqs, least_given_up=30
        )
    assert read_kept(db_engine, job_id) == 0


def test_denied_tasks_wait_for_what_is_reserved_before_they_are_given_up(db_engine: Database, tmp_path: Path) -> None:
    job_id = submit(db_engine, predictions=predict_flat(4, **FLAT), objective=budget(29))
    route(db_engine, job_id, tmp_path, window_tasks=2)
    route(db_engine, job_id, tmp_path, window_tasks=2)
    first, second = claim(db_engine, job_id=job_id), claim(db_engine, job_id=job_id)
    batch_no = reserve(db_engine, first, first.seqs, [10, 10])
    deny(db_engine, second)
    route(db_engine, job_id, tmp_path)
    assert list_groups(db_engine, job_id)[-1] == (0, [2, 3], [10, 10])
    assert claim_any(db_engine, job_id) is None  # it could only wait for what is reserved
    with session_scope(db_engine) as session:
        ended = [outcome(seq, cost=10) for seq in first.seqs]
        settle_batch(session, group_id=first.id, fence=first.fence, batch_no=batch_no, outcomes=ended)
    deny(db_engine, claim(db_engine, job_id=job_id))  # nothing is reserved any more
    route(db_engine, job_id, tmp_path)
    assert reasons(db_engine, job_id) == {RequeueReason.BUDGET_EXHAUSTED: 2}


def test_a_strategy_that_was_excluded_is_not_chosen_again(db_engine: Database, tmp_path: Path) -> None:
    job_id = submit(db_engine, predictions=predict_flat(2, **FLAT), objective=budget(1_000))
    route(db_engine, job_id, tmp_path)
    for column in (0, None):
        group = claim(db_engine, job_id=job_id)
        batch_no = reserve(db_engine, group, group.seqs)
        back = [retry(seq, exclude_strategy=True) for seq in group.seqs]
        with session_scope(db_engine) as session:
            settle_batch(session, group_id=group.id, fence=group.fence, batch_no=batch_no, outcomes=[], retries=back)
        finish(db_engine, group)
        route(db_engine, job_id, tmp_path)
        if column is not None:
            assert list_groups(db_engine, job_id)[-1] == (column, [0, 1], [10, 10])
    assert reasons(db_engine, job_id) == {RequeueReason.NOT_ELIGIBLE: 2}


def test_a_target_is_reached_over_all_windows_at_the_planned_cost(db_engine: Database, tmp_path: Path) -> None:
    target = Objective(mode=Mode.TARGET, unit=Unit.TOKENS, stated="t", target_accuracy=0.55, planned_cost=75)
    job_id = submit(db_engine, predictions=predict_flat(6, **FLAT), objective=target)
    while route(db_engine, job_id, tmp_path, window_tasks=2):
        pass
    counts = Counter[int]()
    for column, seqs, _ in list_groups(db_engine, job_id):
        counts[column] += len(seqs)
    assert counts == {0: 3, 1: 3}


def test_a_weight_chooses_each_task_by_itself(db_engine: Database, tmp_path: Path) -> None:
    weight = Objective(mode=Mode.WEIGHT, unit=Unit.TOKENS, stated="w", w=0.6, reference_cost=20.0)
    predictions = predict_flat(3, **FLAT)
    predictions.accuracy[1, 1] = 0.3
    job_id = submit(db_engine, predictions=predictions, objective=weight)
    route(db_engine, job_id, tmp_path)
    assert [(column, seqs) for column, seqs, _ in list_groups(db_engine, job_id)] == [(0, [1]), (1, [0, 2])]


def submit_graded(database: Database, *, models: list[str]) -> int:
    pool = make_pool()
    tasks = make_tasks(len(models), body=lambda number: {"model": models[number]})
    return run_in_transaction(
        database,
        lambda session: submit_calibration(
            session,
            tasks=tasks,
            pool=pool,
            strategy_ids=register_pool(session, tenant_id="default", pool=pool),
            meta={},
        ),
    )


def test_a_calibration_gives_every_task_to_every_strategy_that_can_serve_it(
    db_engine: Database, tmp_path: Path
) -> None:
    job_id = submit_graded(db_engine, models=["auto", "large", "auto"])
    assert route(db_engine, job_id, tmp_path) is not None
    assert list_groups(db_engine, job_id) == [(0, [0, 2], [10, 10]), (1, [0, 1, 2], [40] * 3)]
    assert reasons(db_engine, job_id) == {RequeueReason.NOT_ELIGIBLE: 1}


def test_a_calibration_that_was_denied_is_not_tried_for_ever(db_engine: Database, tmp_path: Path) -> None:
    job_id = submit_graded(db_engine, models=["auto", "auto"])  # capped at 100
    route(db_engine, job_id, tmp_path)
    small, large = claim(db_engine, job_id=job_id), claim(db_engine, job_id=job_id)
    batch_no = reserve(db_engine, small, small.seqs, [10, 10])
    dead = [retry(seq, cost=10) for seq in small.seqs]  # paid for, and no answer
    with session_scope(db_engine) as session:
        settle_batch(session, group_id=small.id, fence=small.fence, batch_no=batch_no, outcomes=[], retries=dead)
    finish(db_engine, small)
    deny(db_engine, large)
    routed = route(db_engine, job_id, tmp_path)
    assert routed is not None
    assert routed.unserved == 1  # 80 are left: both small ones and one of the large ones
    assert list_groups(db_engine, job_id)[2:] == [(0, [0, 1], [10, 10]), (1, [0], [40])]
    assert reasons(db_engine, job_id) == {RequeueReason.BUDGET_EXHAUSTED: 1}


def test_a_window_keeps_no_place_for_a_job_that_is_complete(db_engine: Database, tmp_path: Path) -> None:
    empty = replace(budget(5), stated="nothing")
    job_id = submit(db_engine, predictions=predict_flat(0, **FLAT), objective=empty, tasks=())
    assert route(db_engine, job_id, tmp_path) is None
