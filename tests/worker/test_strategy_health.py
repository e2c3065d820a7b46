"""A strategy that keeps failing is left alone, and what waits for it goes to the next best."""

from pathlib import Path

import msgspec
import pytest
from sqlalchemy import Engine as Database
from sqlalchemy import text

from db.breakers import list_open_breakers, note_failure, note_success
from db.groups import claim_group
from db.jobs import read_job
from db.progress import read_progress
from db.session import session_scope
from db.strategy_counts import count_by_strategy
from router.generation import Completion, GenerationRequest
from router.strategy_file import parse_strategies
from router.tariff import Tariff
from router.units import Unit
from tests.db.building import build_job, claim, outcome, route
from tests.worker.fake_night import FREE, FakeEngine, answer_with, budget, drive, make_settings, predict_flat, submit
from worker.engines.errors import EngineDied, EngineUnavailable, UsageImpossible
from worker.engines.prompt_bound import PromptBound
from worker.pool import PricedStrategy, ServedModel, ServingPool
from worker.strategy_health import StrategyHealth, leave_alone

GOOD_LARGE = {"small": (0.2, 5.0), "large": (0.9, 20.0)}
WATCH = {"threshold": 2, "pause_seconds": 30.0, "longest_pause_seconds": 50.0}


def make_two_engines() -> ServingPool:
    """The strategies of the fake night, each with an engine of its own."""
    document = {
        "engines": {
            name: {"kind": "openai", "model": name, "base_url": "http://127.0.0.1:9/v1", "description": "no model"}
            for name in ("first", "second")
        },
        "strategies": [
            {"name": name, "engine": engine, "decoding": {"method": "direct", "max_tokens": most}}
            for name, engine, most in (("small", "first", 10), ("large", "second", 40))
        ],
    }
    tariff = Tariff(version=1, prices={Unit.TOKENS: FREE}, source="test")
    priced = [
        PricedStrategy(
            strategy=own,
            tariff=tariff,
            model=ServedModel(spec=own.engine, folder=None, counter=PromptBound(), context_tokens=100_000),
        )
        for own in parse_strategies(document, source="two.yaml").strategies
    ]
    return ServingPool(source=Path("two.yaml"), strategies=tuple(priced))


def be_away(_: GenerationRequest) -> Completion:
    raise EngineUnavailable("overloaded", retry_after_seconds=0.001)


def test_tasks_of_a_strategy_that_keeps_failing_are_answered_by_the_next_best(
    db_engine: Database, tmp_path: Path
) -> None:
    pool = make_two_engines()
    job_id = submit(db_engine, predictions=predict_flat(40, **GOOD_LARGE), objective=budget(2_000), pool=pool)
    well, away = FakeEngine(answer_with("yes", tokens=3)), FakeEngine(be_away)
    assert drive(db_engine, job_id, [well, away], make_settings(tmp_path), pool=pool)
    with session_scope(db_engine) as session:
        small, large = read_job(session, job_id=job_id).strategy_ids
        progress = read_progress(session, job_id=job_id)
        served = {row.strategy_id: row.outcomes for row in count_by_strategy(session, job_id=job_id)}
    assert (progress.outcomes, progress.errors, served) == (40, 0, {small: 40})
    assert list(read_openings(db_engine)) == [large]
    assert "overloaded" in read_openings(db_engine)[large]


def test_an_engine_that_dies_says_nothing_of_its_strategies(db_engine: Database, tmp_path: Path) -> None:
    """It is replaced, whatever number of batches was with it; a pause of the strategy would only come on top."""

    def die(_: GenerationRequest) -> Completion:
        raise EngineDied("gone")

    job_id = submit(db_engine, predictions=predict_flat(40, **GOOD_LARGE), objective=budget(9_000))
    engines = [FakeEngine(die), FakeEngine(answer_with("yes", tokens=3))]
    assert drive(db_engine, job_id, engines, make_settings(tmp_path))
    with session_scope(db_engine) as session:
        progress = read_progress(session, job_id=job_id)
    assert (progress.outcomes, progress.errors) == (40, 0)
    assert read_openings(db_engine) == {}


def read_openings(database: Database) -> dict[int, str]:
    """Why strategies were left alone, by their ids."""
    with database.connect() as connection:
        return {
            row.strategy_id: row.reason for row in connection.execute(text("SELECT * FROM breaker WHERE openings > 0"))
        }


def test_an_engine_that_charges_above_its_reservation_is_left_alone_at_once(
    db_engine: Database, tmp_path: Path
) -> None:
    pool = make_two_engines()
    job_id = submit(db_engine, predictions=predict_flat(200, **GOOD_LARGE), objective=budget(9_000), pool=pool)
    honest, liar = FakeEngine(answer_with("yes", tokens=3)), FakeEngine(answer_with("yes", tokens=45))
    assert drive(db_engine, job_id, [honest, liar], make_settings(tmp_path), pool=pool)  # at most 40 were asked for
    with session_scope(db_engine) as session:
        progress = read_progress(session, job_id=job_id)
    assert progress.outcomes == 200
    assert progress.overrun > 0
    assert len(liar.asked) < 150
    (reason,) = read_openings(db_engine).values()
    assert "more than its requests allowed" in reason


def test_an_engine_that_is_caught_lying_once_is_left_alone_although_it_answers_others(
    db_engine: Database, tmp_path: Path
) -> None:
    def lie_once(request: GenerationRequest) -> Completion:
        if request.messages[-1].content == "task-7":
            raise UsageImpossible("counts 41 tokens in an answer that has 1 to 40")
        return answer_with("yes", tokens=3)(request)

    pool = make_two_engines()
    job_id = submit(db_engine, predictions=predict_flat(200, **GOOD_LARGE), objective=budget(9_000), pool=pool)
    honest, liar = FakeEngine(answer_with("yes", tokens=3)), FakeEngine(lie_once)
    assert drive(db_engine, job_id, [honest, liar], make_settings(tmp_path), pool=pool)
    with session_scope(db_engine) as session:
        progress = read_progress(session, job_id=job_id)
    assert (progress.outcomes, progress.errors) == (200, 1)
    assert progress.spent == 199 * 3 + 40  # its reservation
    assert len(liar.asked) < 150
    (reason,) = read_openings(db_engine).values()
    assert "counts 41 tokens" in reason


def build_strategy(database: Database) -> int:
    with session_scope(database) as session:
        return build_job(session, tasks=1).strategy_ids[0]


def fail(database: Database, strategy_id: int) -> bool:
    with session_scope(database) as session:
        return note_failure(session, strategy_id=strategy_id, reason="away", **WATCH) is not None  # type: ignore[arg-type]  # fields by name


def end_pause(database: Database) -> None:
    with database.begin() as connection:
        connection.execute(text("UPDATE breaker SET open_until = clock_timestamp() - interval '1 second'"))


def read_pauses(database: Database) -> list[float]:
    with session_scope(database) as session:
        return [breaker.seconds_left for breaker in list_open_breakers(session)]


def test_it_takes_failures_in_a_row_to_be_left_alone(db_engine: Database) -> None:
    strategy_id = build_strategy(db_engine)
    for _ in range(3):
        assert not fail(db_engine, strategy_id)
        with session_scope(db_engine) as session:
            note_success(session, strategy_id=strategy_id)
    assert read_pauses(db_engine) == []
    assert [fail(db_engine, strategy_id) for _ in range(2)] == [False, True]
    assert read_pauses(db_engine) == [pytest.approx(30, abs=2)]


def test_a_task_that_is_given_up_is_no_success(db_engine: Database) -> None:
    with session_scope(db_engine) as session:
        job = build_job(session, tasks=2)
        route(session, job)
    group, health = claim(db_engine), StrategyHealth(db_engine)
    for _ in range(2):
        assert not health.note_batch(group, [EngineUnavailable("away")])
    given_up = msgspec.structs.replace(outcome(0), error_code="worker_lost", error_message="3 times", correct=None)
    assert not health.note_batch(group, [given_up])  # nobody was asked
    assert health.note_batch(group, [EngineUnavailable("away")])


def test_failures_of_what_still_ran_do_not_prolong_the_pause(db_engine: Database) -> None:
    strategy_id = build_strategy(db_engine)
    assert [fail(db_engine, strategy_id) for _ in range(5)] == [False, True, False, False, False]
    assert read_pauses(db_engine) == [pytest.approx(30, abs=2)]


def test_one_failure_after_the_pause_begins_a_longer_one_and_one_success_ends_it_all(db_engine: Database) -> None:
    strategy_id = build_strategy(db_engine)
    for _ in range(2):
        fail(db_engine, strategy_id)
    end_pause(db_engine)
    assert fail(db_engine, strategy_id)
    assert read_pauses(db_engine) == [pytest.approx(50, abs=2)]  # 60 would be twice as long; 50 is the longest
    end_pause(db_engine)
    with session_scope(db_engine) as session:
        note_success(session, strategy_id=strategy_id)
    assert [fail(db_engine, strategy_id) for _ in range(2)] == [False, True]
    assert read_pauses(db_engine) == [pytest.approx(30, abs=2)]


def test_nothing_of_a_strategy_that_is_left_alone_is_claimed_until_it_is_on_trial(db_engine: Database) -> None:
    with session_scope(db_engine) as session:
        job = build_job(session, tasks=2)
        route(session, job)
    for _ in range(2):
        fail(db_engine, job.strategy_ids[0])
    with session_scope(db_engine) as session:
        assert claim_group(session, owner="worker", lease_seconds=60) is None
    end_pause(db_engine)
    assert claim(db_engine).on_trial


def test_all_strategies_of_an_engine_are_left_alone_at_once_and_nothing_waits_for_them(db_engine: Database) -> None:
    with session_scope(db_engine) as session:
        job = build_job(session, tasks=2)
        route(session, job)
    fail(db_engine, job.strategy_ids[0])
    for _ in range(2):  # what is handed back after the first time is recalled, too
        leave_alone(db_engine, strategy_ids=job.strategy_ids, reason="no such key")
    assert read_pauses(db_engine) == [pytest.approx(30, abs=2)] * len(job.strategy_ids)
    with session_scope(db_engine) as session:
        assert read_progress(session, job_id=job.id).requeued != {}


def test_groups_of_other_strategies_are_no_trial(db_engine: Database) -> None:
    with session_scope(db_engine) as session:
        job = build_job(session, tasks=2)
        route(session, job)
    fail(db_engine, job.strategy_ids[1])
    assert not claim(db_engine).on_trial
