"""The distributed mode on a dozen tasks: real Celery workers that are killed, drained, and left without a broker."""

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from sqlalchemy import ColumnElement, create_engine, func, select
from sqlalchemy import Engine as Database

from db.budgets import Budget, read_budget
from db.jobs import read_job
from db.progress import JobProgress, read_progress
from db.session import session_scope
from db.states import GroupState, JobState
from db.tables import GroupRow, LedgerEntryRow
from tests.brokers import Broker, broker_of_rabbitmq, broker_of_redis
from tests.faults.fleet import Fleet, run_fleet
from tests.faults.load import ENGINE, LEAST_WORST, submit_load, write_strategies
from tests.faults.observer import Observer
from tests.faults.script import Script
from tests.waiting import wait_until
from worker.producer import ring_once
from worker.queues import RECONCILER, ROUTER, engine_queue
from worker.redis import run_redis
from worker.settings import Settings

TASKS = 24
CAP = 2 * TASKS * LEAST_WORST  # enough for an answer to each, whatever a lost worker burns
LEASE_SECONDS = 2.0
DRAIN_SECONDS = 5.0
SLOW = Script(concurrency=2, shortest_delay_seconds=0.2, longest_delay_seconds=0.4, most_output_tokens=10)


@dataclass(frozen=True, kw_only=True, eq=False)
class Town:
    """Services, workers, and jobs for them."""

    settings: Settings
    database: Database
    broker: Broker
    fleet: Fleet
    folder: Path

    def staff(self, *engines: str) -> None:
        """A router with a reconciler is ready, and exactly these engine workers are."""
        self.fleet.staff({"brain": [ROUTER, RECONCILER]} | {name: [engine_queue(ENGINE)] for name in engines})

    def submit(self) -> int:
        """The id of a new job, whose workers were rung."""
        assert self.settings.strategies is not None
        job_id = submit_load(self.database, tasks=TASKS, cap=CAP, strategies=self.settings.strategies)
        self.ring()
        return job_id

    def ring(self) -> bool:
        return ring_once(self.settings, ROUTER)

    def progress_of(self, job_id: int) -> JobProgress:
        with session_scope(self.database) as session:
            return read_progress(session, job_id=job_id)

    def budget_of(self, job_id: int) -> Budget:
        with session_scope(self.database) as session:
            return read_budget(session, budget_id=read_job(session, job_id=job_id).budget_id)

    def wait_until_settled(self, job_id: int, tasks: int) -> None:
        wait_until(lambda: self.progress_of(job_id).outcomes >= tasks)

    def wait_until_complete(self, job_id: int) -> JobProgress:
        """The progress of a job whose tasks all have their one outcome."""
        wait_until(lambda: self._state_of(job_id) is JobState.COMPLETED)
        done = self.progress_of(job_id)
        assert (done.outcomes, done.requeued, done.reserved) == (TASKS, {}, 0)
        return done

    def count_held(self, name: str) -> int:
        """How many groups this worker holds."""
        held = select(func.count()).select_from(GroupRow).where(*self._held_by(name))
        with session_scope(self.database) as session:
            return session.execute(held).scalar_one()

    def kill_at_work(self, *names: str) -> None:
        """Kill one of these while its engine is at tasks that nobody has settled."""
        wait_until(lambda: any(map(self._kill_if_at_work, names)))

    def _kill_if_at_work(self, name: str) -> bool:
        self.fleet.freeze(name)  # so that it can not settle between our look and its end
        sent = select(GroupRow.id).where(*self._held_by(name)).with_for_update()  # what it said before is done first
        reserved = select(func.coalesce(func.sum(LedgerEntryRow.reserved_delta), 0))
        reserved = reserved.join(GroupRow, GroupRow.id == LedgerEntryRow.grp_id).where(*self._held_by(name))
        with session_scope(self.database) as session:
            session.execute(sent).all()
            is_at_work = session.execute(reserved).scalar_one() > 0
        if is_at_work:
            self.fleet.kill(name)
        else:
            self.fleet.thaw(name)
        return is_at_work

    def _held_by(self, name: str) -> tuple[ColumnElement[bool], ...]:
        return GroupRow.state == GroupState.CLAIMED, GroupRow.owner.endswith(f":{self.fleet.pid_of(name)}")

    def _state_of(self, job_id: int) -> JobState:
        with session_scope(self.database) as session:
            return read_job(session, job_id=job_id).state


@pytest.fixture(scope="module", params=["redis", pytest.param("rabbitmq", marks=pytest.mark.rabbitmq)])
def town(
    request: pytest.FixtureRequest, shared_database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Town]:
    """Workers that follow a slow script; tests that end one of them start it again."""
    folder = tmp_path_factory.mktemp("town")
    SLOW.write(folder / "script.json")
    with ExitStack() as opened:
        if request.param == "redis":
            broker = broker_of_redis(opened.enter_context(run_redis()))
        else:
            broker = broker_of_rabbitmq(request.getfixturevalue("rabbitmq_server"))
        settings = make_settings(folder, database_url=shared_database_url, broker_url=broker.url)
        database = create_engine(shared_database_url)
        opened.callback(database.dispose)
        environ = {"FAULTS_FOLDER": str(folder)}
        fleet = opened.enter_context(run_fleet(settings, folder=folder, app="tests.faults.faulty_app", environ=environ))
        yield Town(settings=settings, database=database, broker=broker, fleet=fleet, folder=folder)


def make_settings(folder: Path, *, database_url: str, broker_url: str) -> Settings:
    return Settings(
        database_url=database_url,
        broker_url=broker_url,
        strategies=write_strategies(folder),
        data_directory=folder,
        cache_directory=folder,
        lease_seconds=LEASE_SECONDS,
        stall_seconds=1.0,
        drain_seconds=DRAIN_SECONDS,
        batch_tasks=1,
        group_tasks=4,
    )


def test_an_engine_worker_killed_in_the_middle_loses_no_task_and_passes_no_cap(town: Town) -> None:
    town.staff("one", "two")
    with Observer(str(town.settings.database_url)) as observer:
        job_id = town.submit()
        town.wait_until_settled(job_id, 2)
        town.kill_at_work("one", "two")
        done = town.wait_until_complete(job_id)
    assert len(observer.looks) > 10
    assert observer.worst_excess <= 0
    assert done.errors == 0
    budget = town.budget_of(job_id)
    assert budget.spent == done.spent
    assert budget.burned == done.burned > 0


def test_a_drained_worker_settles_hands_back_and_ends_in_order(town: Town) -> None:
    town.staff("one")
    job_id = town.submit()
    town.wait_until_settled(job_id, 2)
    assert town.count_held("one")
    began = time.monotonic()
    assert town.fleet.drain("one") == os.EX_OK
    assert time.monotonic() - began < DRAIN_SECONDS + LEASE_SECONDS
    assert town.count_held("one") == 0
    half = town.progress_of(job_id)
    assert half.outcomes < TASKS
    assert (half.reserved, half.burned) == (0, 0)
    town.staff("one")
    assert town.wait_until_complete(job_id).burned == 0


def test_a_killed_router_and_reconciler_are_replaced(town: Town) -> None:
    town.staff("one")
    job_id = town.submit()
    town.wait_until_settled(job_id, 1)
    town.fleet.kill("brain")
    town.staff("one")
    assert town.wait_until_complete(job_id).burned == 0


def test_a_wiped_broker_costs_nothing(town: Town) -> None:
    town.staff("one")
    job_id = town.submit()
    town.wait_until_settled(job_id, 1)
    town.broker.wipe()
    assert town.wait_until_complete(job_id).burned == 0


def test_a_job_is_taken_and_answered_while_the_broker_is_down(town: Town) -> None:
    town.staff("one")
    with town.broker.down():
        job_id = town.submit()
        assert not town.ring()
        town.wait_until_settled(job_id, 1)
    town.wait_until_complete(job_id)
    wait_until(town.ring)


def test_a_worker_drains_while_the_broker_is_down(town: Town) -> None:
    town.staff("one")
    job_id = town.submit()
    town.wait_until_settled(job_id, 1)
    with town.broker.down():
        assert town.fleet.drain("one") == os.EX_OK
    assert town.progress_of(job_id).reserved == 0
    town.staff("one")
    town.wait_until_complete(job_id)


def test_a_hung_engine_is_noticed_and_replaced(town: Town) -> None:
    town.staff("one")
    job_id = town.submit()
    town.wait_until_settled(job_id, 1)
    (town.folder / "hang-one").touch()
    done = town.wait_until_complete(job_id)
    assert not (town.folder / "hang-one").exists()
    assert done.burned > 0
    assert done.errors == 0


def test_a_worker_whose_engine_hangs_ends_in_order_when_its_time_to_drain_is_over(town: Town, tmp_path: Path) -> None:
    town.staff()
    SLOW.write(tmp_path / "script.json")
    (tmp_path / "hang-stuck").touch()
    settings = replace(town.settings, drain_seconds=1.0, stall_seconds=300.0)
    environ = {"FAULTS_FOLDER": str(tmp_path)}
    with run_fleet(settings, folder=tmp_path, app="tests.faults.faulty_app", environ=environ) as fleet:
        fleet.staff({"stuck": [engine_queue(ENGINE)]})
        job_id = town.submit()
        wait_until(lambda: town.progress_of(job_id).reserved > 0)
        assert fleet.drain("stuck") == os.EX_OK
        assert "not finished within 1 s" in fleet.log_of("stuck")
    town.staff("one")
    assert town.wait_until_complete(job_id).burned > 0
