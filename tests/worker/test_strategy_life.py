"""Strategies that are disabled, in the shadow or retired: running routers follow, waiting tasks are recalled."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Engine as Database
from sqlalchemy import select

from db.jobs import read_job
from db.predictors import store_champion
from db.progress import read_progress
from db.session import run_in_transaction, session_scope
from db.states import JobKind, RequeueReason, StrategyMode
from db.strategies import register_strategy
from db.strategy_modes import list_changes, read_out_of_service
from db.tables import RequeueRow, StrategyRow
from db.training_rows import list_training_outcomes
from router.generation import Completion, GenerationRequest
from tests.db.building import TENANT, BuiltJob, build_job, claim, outcome, reserve, route, settle
from tests.worker.fake_night import (
    MAX_TOKENS,
    FakeEngine,
    answer_with,
    budget,
    drive,
    make_pool,
    make_settings,
    predict_flat,
    submit,
)
from worker.errors import NoSuchStrategy, StrategyUnusable
from worker.pool import register_pool
from worker.routing import open_routing, route_next_window
from worker.strategy_life import Turned, turn

GOOD_LARGE = {"small": (0.2, 5.0), "large": (0.9, 20.0)}


def change(database: Database, name: str, mode: StrategyMode, *, reason: str = "") -> Turned | None:
    return run_in_transaction(database, partial(turn, name=name, mode=mode, changed_by="ada", reason=reason))


@pytest.fixture
def known(db_engine: Database) -> Sequence[int]:
    """The ids of the fake night's strategies, which have predictors."""

    def store(session: object) -> Sequence[int]:
        own = register_pool(session, tenant_id=TENANT, pool=make_pool())  # type: ignore[arg-type]  # see run_in_transaction
        for strategy_id in own:
            store_champion(session, strategy_id=strategy_id, encoder="none", artefact=b"", meta={})  # type: ignore[arg-type]  # as above
        return own

    return run_in_transaction(db_engine, store)


def test_a_running_job_does_without_a_strategy_from_its_next_window_on(
    db_engine: Database, tmp_path: Path, known: Sequence[int]
) -> None:
    asked: list[str] = []

    def answer(request: GenerationRequest) -> Completion:
        asked.append("large" if request.max_tokens == MAX_TOKENS["large"] else "small")
        if len(asked) == 60:
            change(db_engine, "large", StrategyMode.DISABLED, reason="too dear")
        return answer_with("yes", tokens=3)(request)

    job_id = submit(db_engine, predictions=predict_flat(400, **GOOD_LARGE), objective=budget(20_000))
    assert drive(db_engine, job_id, [FakeEngine(answer)], make_settings(tmp_path))
    with session_scope(db_engine) as session:
        assert read_progress(session, job_id=job_id).outcomes == 400
        (audit,) = list_changes(session, tenant_id=TENANT, name="large", limit=9)
    assert set(asked[:60]) == {"large"}
    assert set(asked[-200:]) == {"small"}
    assert (audit.mode, audit.changed_by, audit.reason) == (StrategyMode.DISABLED, "ada", "too dear")


def test_what_waits_is_recalled_and_what_is_under_way_goes_on(db_engine: Database) -> None:
    with session_scope(db_engine) as session:
        job = build_job(session, tasks=10)
        route(session, job, group_size=4)
    turned = change(db_engine, "s0", StrategyMode.DISABLED)
    assert turned is not None
    assert turned.recalled == 10
    assert change(db_engine, "s0", StrategyMode.DISABLED) is None


def route_one(database: Database, job_id: int, folder: Path) -> None:
    with session_scope(database) as session:
        job = read_job(session, job_id=job_id)
    routed = open_routing(database, job=job)
    assert route_next_window(database, routed=routed, owner="router", settings=make_settings(folder)) is not None


def list_reasons(database: Database) -> list[RequeueReason]:
    with session_scope(database) as session:
        return list(session.execute(select(RequeueRow.reason)).scalars())


@pytest.mark.parametrize("mode", [StrategyMode.DISABLED, StrategyMode.SHADOW])
def test_tasks_that_only_such_strategies_can_serve_wait(
    db_engine: Database, tmp_path: Path, known: Sequence[int], mode: StrategyMode
) -> None:
    job_id = submit(db_engine, predictions=predict_flat(5, **GOOD_LARGE), objective=budget(500))
    for name in MAX_TOKENS:
        change(db_engine, name, mode)
    route_one(db_engine, job_id, tmp_path)
    assert set(list_reasons(db_engine)) == {RequeueReason.RECALLED}


def test_tasks_that_only_retired_strategies_can_serve_are_given_up(
    db_engine: Database, tmp_path: Path, known: Sequence[int]
) -> None:
    job_id = submit(db_engine, predictions=predict_flat(5, **GOOD_LARGE), objective=budget(500))
    for name in MAX_TOKENS:
        change(db_engine, name, StrategyMode.RETIRED)
    route_one(db_engine, job_id, tmp_path)
    assert set(list_reasons(db_engine)) == {RequeueReason.NOT_ELIGIBLE}


def test_retiring_is_final(db_engine: Database, known: Sequence[int]) -> None:
    change(db_engine, "small", StrategyMode.RETIRED)
    with pytest.raises(StrategyUnusable, match="another name"):
        change(db_engine, "small", StrategyMode.ENABLED)


def test_what_is_unknown_or_not_predicted_can_not_be_turned_on(db_engine: Database) -> None:
    with session_scope(db_engine) as session:
        build_job(session, tasks=1)
    with pytest.raises(NoSuchStrategy, match="known: s0, s1"):
        change(db_engine, "s9", StrategyMode.DISABLED)
    change(db_engine, "s1", StrategyMode.DISABLED)
    for mode in (StrategyMode.ENABLED, StrategyMode.SHADOW):
        with pytest.raises(StrategyUnusable, match="strategies add s1"):
            change(db_engine, "s1", mode)


def test_a_mode_is_that_of_all_versions_of_a_name(db_engine: Database, known: Sequence[int]) -> None:
    change(db_engine, "small", StrategyMode.SHADOW)
    with session_scope(db_engine) as session:
        again = register_strategy(session, tenant_id=TENANT, name="small", spec_hash="new", spec={}, tariff={})
        modes = read_out_of_service(session, strategy_ids=[*known, again.id])
    assert modes == {known[0]: StrategyMode.SHADOW, again.id: StrategyMode.SHADOW}


def register_again(database: Database, *, spec_hash: str, tariff: dict[str, int]) -> int:
    """The id of a version of s0 as it is now."""
    with session_scope(database) as session:
        version = register_strategy(session, tenant_id=TENANT, name="s0", spec_hash=spec_hash, spec={}, tariff=tariff)
        return version.id


def count_rows(database: Database, strategy_id: int) -> int:
    with session_scope(database) as session:
        return len(list_training_outcomes(session, strategy_id=strategy_id, cutoff=None))


def calibrate_one(database: Database) -> BuiltJob:
    """Three graded answers of s0 in a calibration."""
    with session_scope(database) as session:
        job = build_job(session, tasks=3, kind=JobKind.CALIBRATION, strategies=1)
        route(session, job)
    group = claim(database)
    settle(database, group, reserve(database, group, group.seqs), [outcome(seq) for seq in group.seqs])
    return job


def test_other_weights_learn_nothing_from_old_answers_and_another_price_all(db_engine: Database) -> None:
    before = calibrate_one(db_engine).strategy_ids[0]
    dearer = register_again(db_engine, spec_hash="hash0", tariff={"version": 2})
    revised = register_again(db_engine, spec_hash="other weights", tariff={"version": 2})
    assert len({before, dearer, revised}) == 3
    assert (count_rows(db_engine, before), count_rows(db_engine, dearer), count_rows(db_engine, revised)) == (3, 3, 0)
    with session_scope(db_engine) as session:
        versions = session.execute(select(StrategyRow.version).order_by(StrategyRow.id)).scalars().all()
    assert list(versions) == [1, 2, 3]
