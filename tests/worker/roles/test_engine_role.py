"""Engine workers before a server that refuses everybody: others answer, and its worker lives on."""

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine as Database
from sqlalchemy import func, select

from db.breakers import list_open_breakers
from db.jobs import read_job
from db.progress import read_progress
from db.session import session_scope
from db.states import GroupState
from db.strategy_counts import count_by_strategy
from db.tables import GroupRow
from router.generation import Completion, GenerationRequest
from tests.waiting import wait_until
from tests.worker.fake_night import FakeEngine, answer_with, budget, make_settings, predict_flat, submit
from tests.worker.test_strategy_health import make_two_engines
from worker.engine_room import EngineRoom
from worker.engines.errors import EngineDied, EngineMisconfigured
from worker.queues import ROUTER, engine_queue
from worker.roles.engine_role import EngineRole
from worker.roles.role_thread import RoleThread
from worker.roles.router_role import RouterRole
from worker.settings import Settings

TASKS = 40
FLAT = {"small": (0.2, 5.0), "large": (0.9, 20.0)}
COLUMNS = {"first": 0, "second": 1}  # of make_two_engines, by engine


def refuse(_: GenerationRequest) -> Completion:
    raise EngineMisconfigured("401: no such key")


class RefusedAtTheStart(FakeEngine):
    async def start(self) -> None:
        refuse(GenerationRequest(messages=(), max_tokens=1))


class Dying(FakeEngine):
    name = "second"

    async def generate(self, request: GenerationRequest) -> Completion:
        self.asked.append(request.messages[-1].content)
        raise EngineDied("gone", charged=False)


def make_role(
    database: Database,
    settings: Settings,
    *,
    job_id: int,
    name: str,
    engine: FakeEngine,
    is_draining: Callable[[], bool],
    ring: Callable[[str], None],
) -> EngineRole:
    pool, column = make_two_engines(), COLUMNS[name]
    with session_scope(database) as session:
        strategy_ids = read_job(session, job_id=job_id).strategy_ids
    return EngineRole(
        engine=name,
        room=EngineRoom(pool.keep([column]), build=lambda _: engine),
        database=database,
        strategies={strategy_ids[column]: pool.strategies[column]},
        settings=settings,
        is_draining=is_draining,
        ring=ring,
        wake=lambda: ring(engine_queue(name)),
    )


@contextmanager
def run_fleet(
    database: Database, settings: Settings, *, job_id: int, engines: Mapping[str, FakeEngine]
) -> Iterator[threading.Event]:
    """A router and a worker for each engine, in threads; the event says that one of them failed."""
    failed = threading.Event()
    threads: dict[str, RoleThread] = {}

    def ring(queue: str) -> None:
        threads[queue].wake()

    def add(name: str, engine: FakeEngine) -> None:
        def make(is_draining: Callable[[], bool]) -> EngineRole:
            return make_role(
                database, settings, job_id=job_id, name=name, engine=engine, is_draining=is_draining, ring=ring
            )

        threads[engine_queue(name)] = RoleThread(make, queue=engine_queue(name), on_failed=failed.set)

    def make_router(is_draining: Callable[[], bool]) -> RouterRole:
        return RouterRole(database=database, settings=settings, is_draining=is_draining, ring=ring)

    threads[ROUTER] = RoleThread(make_router, queue=ROUTER, on_failed=failed.set)
    for name, engine in engines.items():
        add(name, engine)
    for thread in threads.values():
        thread.start()
    try:
        yield failed
    finally:
        for thread in threads.values():
            thread.drain()
        assert all(thread.join(timeout_seconds=20.0) for thread in threads.values())


def is_answered(database: Database, job_id: int) -> bool:
    """Whether every task has its outcome, and no worker holds or waits for a group."""
    open_groups = select(func.count()).select_from(GroupRow).where(GroupRow.state != GroupState.DONE)
    with session_scope(database) as session:
        outcomes = read_progress(session, job_id=job_id).outcomes
        return outcomes == TASKS and session.execute(open_groups).scalar_one() == 0


def test_tasks_of_a_server_that_refuses_its_worker_are_answered_by_others(db_engine: Database, tmp_path: Path) -> None:
    job_id = submit(
        db_engine, predictions=predict_flat(TASKS, **FLAT), objective=budget(2_000), pool=make_two_engines()
    )
    engines = {"first": FakeEngine(answer_with("yes", tokens=3)), "second": FakeEngine(refuse)}

    with run_fleet(db_engine, make_settings(tmp_path), job_id=job_id, engines=engines) as failed:
        wait_until(lambda: is_answered(db_engine, job_id))
    assert not failed.is_set()
    with session_scope(db_engine) as session:
        small, large = read_job(session, job_id=job_id).strategy_ids
        progress = read_progress(session, job_id=job_id)
        served = {row.strategy_id: row.outcomes for row in count_by_strategy(session, job_id=job_id)}
        (breaker,) = list_open_breakers(session)
    assert (progress.errors, progress.spent, progress.burned, progress.reserved) == (0, 3 * TASKS, 0, 0)
    assert served == {small: TASKS}
    assert (breaker.strategy_id, breaker.reason) == (large, "401: no such key")


def test_a_server_that_refuses_its_worker_at_the_start_is_left_alone(db_engine: Database, tmp_path: Path) -> None:
    job_id = submit(
        db_engine, predictions=predict_flat(TASKS, **FLAT), objective=budget(2_000), pool=make_two_engines()
    )
    role = make_role(
        db_engine,
        make_settings(tmp_path),
        job_id=job_id,
        name="second",
        engine=RefusedAtTheStart(refuse),
        is_draining=lambda: False,
        ring=lambda _: None,
    )
    with pytest.raises(EngineMisconfigured, match="no such key"):
        asyncio.run(role.open())
    with session_scope(db_engine) as session:
        (breaker,) = list_open_breakers(session)
        assert breaker.strategy_id == read_job(session, job_id=job_id).strategy_ids[1]


def test_a_worker_whose_engine_dies_again_and_again_ends_with_its_groups_handed_back(
    db_engine: Database, tmp_path: Path
) -> None:
    job_id = submit(
        db_engine, predictions=predict_flat(TASKS, **FLAT), objective=budget(2_000), pool=make_two_engines()
    )
    engines = {"first": FakeEngine(answer_with("yes", tokens=3)), "second": Dying(refuse)}
    settings = make_settings(tmp_path, group_tasks=4, lease_seconds=60.0)
    with run_fleet(db_engine, settings, job_id=job_id, engines=engines) as failed:
        wait_until(failed.is_set)
        claimed = select(func.count()).select_from(GroupRow).where(GroupRow.state == GroupState.CLAIMED)
        with session_scope(db_engine) as session:
            assert session.execute(claimed).scalar_one() == 0
            assert list_open_breakers(session) == []  # of its strategies it says nothing, nor of workers elsewhere
