"""Nights with faults: an engine away, hung, wrongly set up or deadly; a database that breaks off; a lease lost."""

import asyncio
import threading
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import Engine as Database
from sqlalchemy import create_engine, event, func, select, text
from sqlalchemy.exc import OperationalError

from db.expiry import expire_leases
from db.progress import JobProgress, read_progress
from db.results import iterate_results
from db.session import session_scope
from db.tables import AttemptRow, GroupRow
from router.generation import Completion, GenerationRequest
from tests.db.building import end_leases
from tests.worker.fake_night import FakeEngine, answer_with, budget, drive, make_settings, predict_flat, submit
from worker import batch_results, group_run
from worker.engines.errors import EngineDied, EngineError, EngineMisconfigured, EngineUnavailable

FLAT = {"small": (0.2, 5.0), "large": (0.9, 20.0)}
YES = answer_with("yes", tokens=3)


def progress_of(database: Database, job_id: int) -> JobProgress:
    with session_scope(database) as session:
        return read_progress(session, job_id=job_id)


def list_errors(database: Database, job_id: int) -> Counter[str]:
    with session_scope(database) as session:
        rows = list(iterate_results(session, job_id=job_id))
    return Counter(row.outcome.error_code for row in rows if row.outcome and row.outcome.error_code)


def refuse(_: GenerationRequest) -> Completion:
    raise EngineMisconfigured("401: no such key")


def name_of(request: GenerationRequest) -> str:
    return request.messages[-1].content


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_results, "RETRY_DELAY_SECONDS", 0.01)
    monkeypatch.setattr(group_run, "SETTLE_PAUSE_SECONDS", 0.01)


def test_a_server_that_stays_away_ends_the_command_and_loses_no_task(db_engine: Database, tmp_path: Path) -> None:
    job_id = submit(db_engine, predictions=predict_flat(40, **FLAT), objective=budget(4_000))

    def leave(request: GenerationRequest) -> Completion:
        if len(engine.asked) > 10:
            raise EngineUnavailable("connection refused", retry_after_seconds=0.001)
        return YES(request)

    engine = FakeEngine(leave)
    with pytest.raises(EngineUnavailable, match="connection refused"):
        drive(db_engine, job_id, [engine], make_settings(tmp_path))
    half = progress_of(db_engine, job_id)
    assert 0 < half.outcomes <= 10
    assert (half.errors, half.reserved, half.spent) == (0, 0, 3 * half.outcomes)
    assert drive(db_engine, job_id, [FakeEngine(YES)], make_settings(tmp_path))
    done = progress_of(db_engine, job_id)
    assert (done.outcomes, done.errors, done.spent, done.burned) == (40, 0, 120, 0)


def test_one_task_that_is_always_turned_away_ends_alone(db_engine: Database, tmp_path: Path) -> None:
    def answer(request: GenerationRequest) -> Completion:
        if name_of(request) == "task-5":
            raise EngineUnavailable("overloaded", retry_after_seconds=0.001)
        return YES(request)

    job_id = submit(db_engine, predictions=predict_flat(12, **FLAT), objective=budget(1_000))
    settings = make_settings(tmp_path)
    for _ in range(4):  # alone at the end it can not be told from a server that is away
        try:
            if drive(db_engine, job_id, [FakeEngine(answer)], settings):
                break
        except EngineUnavailable:
            continue
    done = progress_of(db_engine, job_id)
    assert (done.outcomes, done.errors, done.spent) == (12, 1, 33)


def test_a_wrong_key_charges_nothing_and_leaves_every_task_to_the_next_command(
    db_engine: Database, tmp_path: Path
) -> None:
    job_id = submit(db_engine, predictions=predict_flat(30, **FLAT), objective=budget(3_000))
    with pytest.raises(EngineMisconfigured, match="no such key"):
        drive(db_engine, job_id, [FakeEngine(refuse)], make_settings(tmp_path))
    assert (progress_of(db_engine, job_id).spent, progress_of(db_engine, job_id).outcomes) == (0, 0)
    assert drive(db_engine, job_id, [FakeEngine(YES)], make_settings(tmp_path))
    assert progress_of(db_engine, job_id).errors == 0


def test_no_task_ends_because_its_engine_was_being_replaced(db_engine: Database, tmp_path: Path) -> None:
    class Dying(FakeEngine):
        """Dies under the first group; what the others have asked hangs until it is stopped."""

        stopping = asyncio.Event()

        async def generate(self, request: GenerationRequest) -> Completion:
            number = int(name_of(request).removeprefix("task-"))
            if number == 0:
                raise EngineDied("gone")
            if number > 9:
                await self.stopping.wait()
            return await super().generate(request)

        async def stop(self) -> None:
            await super().stop()
            self.stopping.set()

    class SlowStart(FakeEngine):
        async def start(self) -> None:
            await asyncio.sleep(0.5)
            await super().start()

    job_id = submit(db_engine, predictions=predict_flat(120, **FLAT), objective=budget(12_000))
    settings = make_settings(tmp_path, window_tasks=120, group_tasks=10, batch_tasks=1)
    assert drive(db_engine, job_id, [Dying(YES), SlowStart(YES)], settings)
    done = progress_of(db_engine, job_id)
    assert (done.outcomes, done.errors, done.burned, done.reserved) == (120, 0, 0, 0)
    with session_scope(db_engine) as session:
        claims = session.execute(select(func.max(GroupRow.fence)).where(GroupRow.job_id == job_id)).scalar_one()
    assert claims == 2  # before and after; none while there was nobody to ask


def test_only_tasks_that_were_with_a_dead_engine_count_as_lost_with_it(db_engine: Database, tmp_path: Path) -> None:
    class Dying(FakeEngine):
        """Dies under everything that it has, once it has 20 requests."""

        dead = asyncio.Event()

        async def generate(self, request: GenerationRequest) -> Completion:
            self.asked.append(name_of(request))
            if len(self.asked) == 20:
                self.dead.set()
            await self.dead.wait()
            raise EngineDied("gone")

    dying = Dying(YES)
    job_id = submit(db_engine, predictions=predict_flat(120, **FLAT), objective=budget(12_000))
    settings = make_settings(tmp_path, window_tasks=120, group_tasks=30, batch_tasks=5)
    assert drive(db_engine, job_id, [dying, FakeEngine(YES)], settings)
    with session_scope(db_engine) as session:
        lost = session.execute(select(func.count()).select_from(AttemptRow)).scalar_one()
    assert lost == len(dying.asked) < 50  # of what had a slot; the groups' other tasks were not begun


def test_a_task_that_kills_every_engine_ends_and_the_others_are_answered(db_engine: Database, tmp_path: Path) -> None:
    def die(request: GenerationRequest) -> Completion:
        if name_of(request) == "task-3":
            raise EngineDied("gone")
        return YES(request)

    job_id = submit(db_engine, predictions=predict_flat(20, **FLAT), objective=budget(2_000))
    assert drive(db_engine, job_id, [FakeEngine(die) for _ in range(5)], make_settings(tmp_path))
    assert list_errors(db_engine, job_id) == {"worker_lost": 1}
    done = progress_of(db_engine, job_id)
    assert (done.outcomes, done.errors, done.spent) == (20, 1, 19 * 3 + 3 * 40)


def test_a_task_that_loses_every_worker_takes_no_other_with_it(db_engine: Database, tmp_path: Path) -> None:
    other = create_engine(db_engine.url)

    def lose_worker(request: GenerationRequest) -> Completion:
        while name_of(request) == "task-3" and not has_expired():  # as if this process had gone with it
            continue
        return YES(request)

    def has_expired() -> bool:
        """A group that is being written at this moment is passed over."""
        end_leases(other)
        with session_scope(other) as session:
            return expire_leases(session).groups > 0

    job_id = submit(db_engine, predictions=predict_flat(40, **FLAT), objective=budget(40_000))
    settings = make_settings(tmp_path, window_tasks=40, group_tasks=40, batch_tasks=8)
    assert drive(db_engine, job_id, [FakeEngine(lose_worker)], settings)
    other.dispose()
    assert list_errors(db_engine, job_id) == {"worker_lost": 1}
    assert progress_of(db_engine, job_id).outcomes == 40


def test_an_engine_that_never_lives_ends_the_command(db_engine: Database, tmp_path: Path) -> None:
    def die(_: GenerationRequest) -> Completion:
        raise EngineDied("gone")

    job_id = submit(db_engine, predictions=predict_flat(200, **FLAT), objective=budget(20_000))
    with pytest.raises(EngineError, match="died 4 times"):
        drive(db_engine, job_id, [FakeEngine(die) for _ in range(5)], make_settings(tmp_path))
    assert progress_of(db_engine, job_id).reserved == 0


def test_a_hung_engine_is_replaced(db_engine: Database, tmp_path: Path) -> None:
    class Hung(FakeEngine):
        async def generate(self, request: GenerationRequest) -> Completion:
            if len(self.asked) >= 5:
                await asyncio.Event().wait()
            return await super().generate(request)

    job_id = submit(db_engine, predictions=predict_flat(20, **FLAT), objective=budget(4_000))
    settings = make_settings(tmp_path, lease_seconds=0.6, stall_seconds=0.5)
    second = FakeEngine(YES)
    assert drive(db_engine, job_id, [Hung(YES), second], settings)
    done = progress_of(db_engine, job_id)
    assert (done.outcomes, done.errors, done.reserved, second.started) == (20, 0, 0, 1)
    assert done.burned > 0


def test_answers_are_settled_although_the_database_broke_off_every_connection(
    db_engine: Database, tmp_path: Path
) -> None:
    broken = threading.Event()

    def answer(request: GenerationRequest) -> Completion:
        if not broken.is_set():
            broken.set()
            break_connections(db_engine)
        return YES(request)

    job_id = submit(db_engine, predictions=predict_flat(8, **FLAT), objective=budget(800))
    settings = make_settings(tmp_path, batch_tasks=8)
    try:
        assert drive(db_engine, job_id, [FakeEngine(answer)], settings)
    except OperationalError:  # whatever else was asked of the database at that moment
        idle = FakeEngine(YES)
        assert drive(db_engine, job_id, [idle], settings)
        assert idle.asked == []
    done = progress_of(db_engine, job_id)
    assert (done.outcomes, done.spent, done.burned, done.reserved) == (8, 24, 0, 0)


def break_connections(database: Database) -> None:
    with database.connect() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )


def test_groups_that_lose_their_leases_while_they_reserve_leave_their_slots_to_others(
    db_engine: Database, tmp_path: Path
) -> None:
    lost = Counter[str]()

    def lose_lease(*arguments: object) -> None:
        statement = str(arguments[2])
        if "next_batch_no=(grp.next_batch_no" in statement.replace(" + ", " +") and lost["groups"] < 6:
            lost["groups"] += 1
            end_leases(other)
            with session_scope(other) as session:
                expire_leases(session)

    other = create_engine(db_engine.url)
    event.listen(db_engine, "before_cursor_execute", lose_lease)
    job_id = submit(db_engine, predictions=predict_flat(40, **FLAT), objective=budget(4_000))
    settings = make_settings(tmp_path, group_tasks=4, batch_tasks=32)
    assert drive(db_engine, job_id, [FakeEngine(YES)], settings)
    other.dispose()
    assert lost["groups"] == 6
    assert progress_of(db_engine, job_id).outcomes == 40


def test_a_failure_of_one_group_settles_the_others_before_it_is_raised(db_engine: Database, tmp_path: Path) -> None:
    job_id = submit(db_engine, predictions=predict_flat(60, **FLAT), objective=budget(6_000))
    reads = Counter[str]()

    def stumble(*arguments: object) -> None:
        if "task.custom_id, task.payload" in str(arguments[2]):
            reads["tasks"] += 1
            if reads["tasks"] == 3:
                raise LookupError("a bug of ours")

    event.listen(db_engine, "before_cursor_execute", stumble)
    with pytest.raises(LookupError, match="a bug of ours"):
        drive(db_engine, job_id, [FakeEngine(YES)], make_settings(tmp_path, group_tasks=10))
    half = progress_of(db_engine, job_id)
    assert 0 < half.outcomes < 60
    assert (half.reserved, half.spent) == (0, 3 * half.outcomes)
