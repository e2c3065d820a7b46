"""What engines do in a second, and routing by it: no engine gets more than it can do before the job's deadline."""

import math
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine as Database
from sqlalchemy import func, select, update

from db.engine_loads import GroupLoad, list_group_loads
from db.jobs import read_job
from db.plans import commit_window
from db.session import session_scope
from db.states import GroupState
from db.tables import GroupRow, JobRow, WindowRow
from db.unstarted import count_unstarted_by_engine
from db.windows import claim_window
from router.strategy_file import parse_strategies
from router.units import Unit
from tests.db.building import claim, finish, outcome, reserve, settle
from tests.worker.fake_night import budget, make_pool, make_settings, predict_flat, submit
from worker.engine_loads import measure_time, read_job_time
from worker.objective import Mode, Objective
from worker.pool import PricedStrategy, ServingPool
from worker.router_desk import RouterDesk
from worker.routing import open_routing, route_next_window

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FLAT = {"small": (0.5, 10.0), "large": (0.9, 20.0)}


def load(engine: str, *, began: float, ended: float = 0.0, done: float = 0.0, left: float = 0.0) -> GroupLoad:
    return GroupLoad(engine=engine, began=began, ended=ended, done=done, left=left)


def test_a_rate_is_what_was_done_while_there_was_work() -> None:
    loads = [
        load("a", began=100, ended=80, done=30),
        load("a", began=90, ended=70, done=30),  # beside the first for ten seconds
        load("a", began=20, done=20, left=80),  # open; between, there was nothing to do
        load("b", began=10, left=40),
    ]
    time = measure_time(loads, engines=["a", "b", "a"], now=NOW, deadline=NOW + timedelta(seconds=100))
    assert time.names == ("a", "b")
    assert time.engine_of.tolist() == [0, 1, 0]
    assert time.rate.tolist() == [80 / 50, math.inf]
    assert time.queued.tolist() == [80, 40]
    assert time.seconds_left == pytest.approx(95)


def test_after_the_deadline_a_second_is_left() -> None:
    time = measure_time([], engines=["a"], now=NOW, deadline=NOW - timedelta(hours=1))
    assert time.seconds_left == 1.0


def make_two_engines() -> ServingPool:
    """The fake night's strategies, each on an engine of its own."""
    own = make_pool()
    document = {
        "engines": {
            name: {"kind": "openai", "model": name, "base_url": "http://127.0.0.1:9/v1", "description": "no model"}
            for name in ("little", "big")
        },
        "strategies": [
            {
                "name": priced.strategy.name,
                "engine": engine,
                "decoding": {"method": "direct", "max_tokens": priced.strategy.decoding.max_output_tokens()},
            }
            for priced, engine in zip(own.strategies, ("little", "big"), strict=True)
        ],
    }
    declared = parse_strategies(document, source="two.yaml").strategies
    priced = [
        PricedStrategy(strategy=strategy, tariff=old.tariff, model=old.model)
        for strategy, old in zip(declared, own.strategies, strict=True)
    ]
    return ServingPool(source=Path("two.yaml"), strategies=tuple(priced))


def submit_due(database: Database, *, tasks: int, seconds: float, objective: Objective | None = None) -> int:
    """A run with a deadline so many seconds from now."""
    job_id = submit(
        database,
        predictions=predict_flat(tasks, **FLAT),
        objective=objective or budget(100_000),
        pool=make_two_engines(),
    )
    set_due(database, job_id, seconds=seconds)
    return job_id


def set_due(database: Database, job_id: int, *, seconds: float) -> None:
    with session_scope(database) as session:
        due = func.clock_timestamp() + timedelta(seconds=seconds)
        session.execute(update(JobRow).where(JobRow.id == job_id).values(deadline=due))


def route(database: Database, job_id: int, folder: Path, *, window_tasks: int) -> dict[str, int]:
    """How many tasks of the next window each engine got."""
    with session_scope(database) as session:
        job = read_job(session, job_id=job_id)
    settings = make_settings(folder, window_tasks=window_tasks)
    routed = route_next_window(database, routed=open_routing(database, job=job), owner="me", settings=settings)
    assert routed is not None
    names = dict(zip(job.strategy_ids, ("little", "big"), strict=True))
    with session_scope(database) as session:
        groups = session.execute(select(GroupRow).where(GroupRow.window_id == routed.window_id)).scalars()
        return dict(sum((Counter({names[group.strategy_id]: len(group.seqs)}) for group in groups), Counter()))


def let_work(database: Database, job_id: int, folder: Path, *, seconds: float) -> None:
    """Each engine answers a window's four tasks, one after the other, in so many seconds that end now."""
    for tasks in (4, 4):
        route(database, job_id, folder, window_tasks=tasks)
        group = claim(database, job_id=job_id)
        batch = reserve(database, group, group.seqs, group.amounts)
        settle(database, group, batch, [outcome(seq, cost=5) for seq in group.seqs])
        finish(database, group)
    with session_scope(database) as session:
        took = timedelta(seconds=seconds)
        ended = update(GroupRow).where(GroupRow.state == GroupState.DONE)
        session.execute(ended.values(created_at=GroupRow.finished_at - took))


def read_window(database: Database, job_id: int) -> WindowRow:
    """The latest one."""
    with session_scope(database) as session:
        latest = select(WindowRow).where(WindowRow.job_id == job_id).order_by(WindowRow.id.desc()).limit(1)
        return session.execute(latest).scalar_one()


def test_an_engine_gets_what_it_can_do_before_the_deadline(db_engine: Database, tmp_path: Path) -> None:
    job_id = submit_due(db_engine, tasks=108, seconds=10_000)
    let_work(db_engine, job_id, tmp_path, seconds=400)  # all of it on "big": 160 of predicted cost in 400 s
    with session_scope(db_engine) as session:
        loads = list_group_loads(session, job_id=job_id, engines=["little", "big"])
    assert {own.engine for own in loads} == {"big"}
    set_due(db_engine, job_id, seconds=2_030)
    with session_scope(db_engine) as session:
        job = read_job(session, job_id=job_id)
    time = read_job_time(db_engine, job=job)
    assert time is not None
    assert time.rate.tolist() == pytest.approx([160 / 400, math.inf], rel=0.05)  # big, little
    # 2,030 s at .4, but for a twentieth: 771 of 2,000 wanted.
    assert route(db_engine, job_id, tmp_path, window_tasks=100) == {"big": 38, "little": 62}
    kept = read_window(db_engine, job_id).engine_time
    assert kept is not None
    assert kept["stretch"] <= 1.0
    assert kept["second_price"] == pytest.approx({"big": 0.4 / 20 * time.rate[0], "little": 0.0}, rel=0.05)


def test_what_is_routed_already_comes_first(db_engine: Database, tmp_path: Path) -> None:
    job_id = submit_due(db_engine, tasks=108, seconds=10_000)
    let_work(db_engine, job_id, tmp_path, seconds=400)
    assert route(db_engine, job_id, tmp_path, window_tasks=20) == {"big": 20}
    set_due(db_engine, job_id, seconds=2_030)
    # Of 771, 400 wait: the rest has room for 18.
    assert route(db_engine, job_id, tmp_path, window_tasks=80) == {"big": 18, "little": 62}


def test_a_job_without_a_deadline_takes_its_time(db_engine: Database, tmp_path: Path) -> None:
    job_id = submit_due(db_engine, tasks=108, seconds=10_000)
    let_work(db_engine, job_id, tmp_path, seconds=400)
    with session_scope(db_engine) as session:
        session.execute(update(JobRow).where(JobRow.id == job_id).values(deadline=None))
    assert route(db_engine, job_id, tmp_path, window_tasks=100) == {"big": 100}
    assert read_window(db_engine, job_id).engine_time is None


def test_a_window_of_a_large_job_has_its_share_of_the_time(
    db_engine: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.budget_backlog.JOINT_TASKS", 10)
    job_id = submit_due(db_engine, tasks=108, seconds=10_000)
    let_work(db_engine, job_id, tmp_path, seconds=400)
    set_due(db_engine, job_id, seconds=2_030)
    assert route(db_engine, job_id, tmp_path, window_tasks=50) == {"big": 19, "little": 31}


def test_a_weighted_job_keeps_its_deadline_as_well(db_engine: Database, tmp_path: Path) -> None:
    weighted = Objective(mode=Mode.WEIGHT, unit=Unit.TOKENS, stated="0.9", w=0.9, reference_cost=100.0)
    job_id = submit_due(db_engine, tasks=108, seconds=10_000, objective=weighted)
    let_work(db_engine, job_id, tmp_path, seconds=400)
    set_due(db_engine, job_id, seconds=2_030)
    assert route(db_engine, job_id, tmp_path, window_tasks=50) == {"big": 19, "little": 31}


def test_a_job_with_a_deadline_feeds_the_engine_that_has_nothing(db_engine: Database, tmp_path: Path) -> None:
    job_id = submit_due(db_engine, tasks=108, seconds=10_000)
    let_work(db_engine, job_id, tmp_path, seconds=400)
    set_due(db_engine, job_id, seconds=2_030)
    routed = route(db_engine, job_id, tmp_path, window_tasks=20)
    assert routed.keys() == {"big", "little"}
    with session_scope(db_engine) as session:
        assert count_unstarted_by_engine(session, job_id=job_id) == routed
        job = read_job(session, job_id=job_id)
    while (group := claim(db_engine, job_id=job_id)).strategy_id != job.strategy_ids[0]:
        pass
    reserve(db_engine, group, group.seqs, group.amounts)
    desk = RouterDesk(db_engine, settings=make_settings(tmp_path), owner="me", is_draining=lambda: False)
    # The big engine has more to do than the 4 tasks that are to wait; the little one has none.
    assert desk.route_job(job, ahead=4) > 0
    with session_scope(db_engine) as session:
        assert count_unstarted_by_engine(session, job_id=job_id)["little"] >= 4
    set_due(db_engine, job_id, seconds=100)  # now what waits for the big one is most of the time left
    with session_scope(db_engine) as session:
        assert desk.route_job(read_job(session, job_id=job_id), ahead=4) == 0


def test_a_due_job_goes_on_after_a_window_that_nobody_can_serve(db_engine: Database, tmp_path: Path) -> None:
    job_id = submit_due(db_engine, tasks=108, seconds=10_000)
    assert route(db_engine, job_id, tmp_path, window_tasks=20) == {"big": 20}
    with session_scope(db_engine) as session:
        window = claim_window(session, job_id=job_id, size=8, owner="me", lease_seconds=60)
        assert window is not None
        commit_window(session, window_id=window.id, fence=window.fence, groups=[], not_eligible=window.seqs)
    desk = RouterDesk(db_engine, settings=make_settings(tmp_path), owner="me", is_draining=lambda: False)
    with session_scope(db_engine) as session:
        assert desk.route_job(read_job(session, job_id=job_id), ahead=4) == 0
