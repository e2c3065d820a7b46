"""Jobs are paused, unpaused and cancelled while a dispatcher works on them, or after it is gone."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine as Database

from db.budgets import Budget, read_budget
from db.jobs import Job, read_job
from db.progress import JobProgress, read_progress
from db.session import session_scope
from db.states import GroupState, JobState, RequeueReason
from router.generation import Completion, GenerationRequest
from tests.db.building import claim, reserve
from tests.waiting import wait_until
from tests.worker.fake_night import FakeEngine, answer_with, budget, drive, make_settings, predict_flat, submit
from worker.errors import JobNotDriveable
from worker.job_control import cancel, pause, unpause
from worker.routing import open_routing, route_next_window

FLAT = {"small": (0.2, 5.0), "large": (0.9, 20.0)}
TASKS = 200
ENOUGH = budget(TASKS * 40)


def job_of(database: Database, job_id: int) -> Job:
    with session_scope(database) as session:
        return read_job(session, job_id=job_id)


def progress_of(database: Database, job_id: int) -> JobProgress:
    with session_scope(database) as session:
        return read_progress(session, job_id=job_id)


def budget_of(database: Database, job_id: int) -> Budget:
    with session_scope(database) as session:
        return read_budget(session, budget_id=read_job(session, job_id=job_id).budget_id)


def submit_flat(database: Database) -> int:
    return submit(database, predictions=predict_flat(TASKS, **FLAT), objective=ENOUGH)


class WatchedEngine(FakeEngine):
    """An engine during one of whose answers somebody acts; the others wait for that."""

    def __init__(self, act: Callable[[], object], *, after: int) -> None:
        super().__init__(self._answer)
        self._act, self._left = act, after

    def _answer(self, request: GenerationRequest) -> Completion:
        self._left -= 1
        if self._left == 0:
            self._act()
        return answer_with("yes", tokens=3)(request)


@pytest.mark.parametrize("after", [1, 30, 150])
def test_a_job_that_is_cancelled_at_work_ends_with_what_runs(db_engine: Database, tmp_path: Path, after: int) -> None:
    job_id = submit_flat(db_engine)
    engine = WatchedEngine(lambda: cancel(db_engine, job_id=job_id, patience_seconds=0.0), after=after)
    assert drive(db_engine, job_id, [engine], make_settings(tmp_path))
    assert job_of(db_engine, job_id).state is JobState.CANCELLED
    done, money = progress_of(db_engine, job_id), budget_of(db_engine, job_id)
    assert after <= done.outcomes == len(engine.asked) < TASKS
    assert done.requeued == {RequeueReason.CANCELLED: TASKS - done.outcomes}
    assert (money.spent, money.reserved, money.kept) == (3 * done.outcomes, 0, 0)


def test_a_job_that_a_lost_worker_held_ends_when_its_lease_is_over(db_engine: Database, tmp_path: Path) -> None:
    job_id = submit_flat(db_engine)
    routed = open_routing(db_engine, job=job_of(db_engine, job_id))
    route_next_window(db_engine, routed=routed, owner="gone", settings=make_settings(tmp_path))
    group = claim(db_engine)
    reserve(db_engine, group, group.seqs[:2], group.amounts[:2])
    assert not cancel(db_engine, job_id=job_id, patience_seconds=0.0)
    with db_engine.begin() as connection:
        connection.exec_driver_sql("UPDATE grp SET lease_until = clock_timestamp() WHERE state = 'claimed'")
    assert cancel(db_engine, job_id=job_id, patience_seconds=30.0)
    done, money = progress_of(db_engine, job_id), budget_of(db_engine, job_id)
    assert done.requeued == {RequeueReason.CANCELLED: TASKS}
    assert (money.burned, money.reserved, money.kept) == (sum(group.amounts[:2]), 0, 0)


def test_a_paused_job_starts_nothing_until_it_is_unpaused(db_engine: Database, tmp_path: Path) -> None:
    job_id = submit_flat(db_engine)
    engine = WatchedEngine(lambda: pause(db_engine, job_id=job_id), after=40)
    with ThreadPoolExecutor(1) as pool:
        driving = pool.submit(drive, db_engine, job_id, [engine], make_settings(tmp_path))
        wait_until(lambda: job_of(db_engine, job_id).paused)
        wait_until(lambda: progress_of(db_engine, job_id).groups[GroupState.CLAIMED] == 0)
        asked = len(engine.asked)
        assert progress_of(db_engine, job_id).outcomes == asked < TASKS
        assert progress_of(db_engine, job_id).reserved == 0
        unpause(db_engine, job_id=job_id)
        assert driving.result()
    assert job_of(db_engine, job_id).state is JobState.COMPLETED
    assert len(engine.asked) == progress_of(db_engine, job_id).outcomes == TASKS


def test_a_paused_job_can_be_cancelled(db_engine: Database) -> None:
    job_id = submit_flat(db_engine)
    pause(db_engine, job_id=job_id)
    assert cancel(db_engine, job_id=job_id, patience_seconds=0.0)
    assert job_of(db_engine, job_id).state is JobState.CANCELLED


def test_what_has_ended_can_not_be_stopped(db_engine: Database, tmp_path: Path) -> None:
    completed, cancelled = submit_flat(db_engine), submit_flat(db_engine)
    assert drive(db_engine, completed, [FakeEngine(answer_with("yes", tokens=3))], make_settings(tmp_path))
    assert cancel(db_engine, job_id=cancelled, patience_seconds=0.0)
    assert cancel(db_engine, job_id=cancelled, patience_seconds=0.0)
    with pytest.raises(JobNotDriveable, match=rf"job {completed} is completed: there is nothing left to cancel"):
        cancel(db_engine, job_id=completed, patience_seconds=0.0)
    with pytest.raises(JobNotDriveable, match=rf"job {completed} is completed: there is nothing to pause"):
        pause(db_engine, job_id=completed)
    with pytest.raises(JobNotDriveable, match=rf"job {cancelled} is cancelled: there is nothing to unpause"):
        unpause(db_engine, job_id=cancelled)
    with pytest.raises(JobNotDriveable, match="there is no job 99"):
        cancel(db_engine, job_id=99, patience_seconds=0.0)
