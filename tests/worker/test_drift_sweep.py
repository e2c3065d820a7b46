"""A strategy that silently becomes worse is noticed while a job runs, and loses its tasks."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine as Database
from sqlalchemy import text

from db.drift import StoredCorrection, list_standing_alarms, read_corrections, read_drifts
from db.predictors import store_champion
from db.results import iterate_results
from db.session import run_in_transaction, session_scope
from db.settled_rows import hold_cursor
from db.training_requests import has_open_request
from router.generation import Completion, GenerationRequest
from tests.worker.fake_night import (
    MAX_TOKENS,
    FakeEngine,
    budget,
    drive,
    make_pool,
    make_settings,
    predict_flat,
    submit,
)
from worker.drift_sweep import READER, follow_settlements
from worker.pool import register_pool

WELL = {"small": 0.6, "large": 0.85}
PREDICTED = {"small": (0.6, 5.0), "large": (0.85, 20.0)}


class Pupils:
    """Two strategies of one engine, each right as often as it is told."""

    def __init__(self, right: dict[str, float]) -> None:
        self.right = right
        self.asked = dict.fromkeys(right, 0)
        self._rng = np.random.default_rng(0)

    def __call__(self, request: GenerationRequest) -> Completion:
        name = "large" if request.max_tokens == MAX_TOKENS["large"] else "small"
        self.asked[name] += 1
        answer = "yes" if self._rng.random() < self.right[name] else "no"
        tokens = int(PREDICTED[name][1])
        return Completion(texts=(answer,), finish_reasons=("stop",), prompt_tokens=5, output_tokens=tokens)


class Fading(Pupils):
    """The large one loses two fifths of its accuracy after so many answers, and says nothing of it."""

    def __init__(self, *, after: int) -> None:
        super().__init__(dict(WELL))
        self._after = after

    def __call__(self, request: GenerationRequest) -> Completion:
        if self.asked["large"] >= self._after:
            self.right["large"] = WELL["large"] - 0.4
        return super().__call__(request)


@pytest.fixture
def version_ids(db_engine: Database) -> list[int]:
    """Predictor versions of the two strategies; nobody loads them."""

    def store(session: object) -> list[int]:
        own = register_pool(session, tenant_id="default", pool=make_pool())  # type: ignore[arg-type]  # see run_in_transaction
        return [
            store_champion(session, strategy_id=strategy_id, encoder="none", artefact=b"", meta={})  # type: ignore[arg-type]  # as above
            for strategy_id in own
        ]

    return run_in_transaction(db_engine, store)


def run_night(
    database: Database,
    folder: Path,
    answer: Callable[[GenerationRequest], Completion],
    *,
    tasks: int,
    version_ids: list[int],
) -> int:
    """A job whose budget lets about half of its tasks have the large strategy."""
    predictions = predict_flat(tasks, **PREDICTED)
    job_id = submit(database, predictions=predictions, objective=budget(13 * tasks), version_ids=version_ids)
    assert drive(database, job_id, [FakeEngine(answer)], make_settings(folder, window_tasks=40))
    return job_id


def follow(database: Database) -> list[str]:
    """Look at everything that was settled; what was found broken."""
    found: list[str] = []
    before = -1
    while (now := read_cursor(database)) != before:
        before = now
        alarms = run_in_transaction(database, lambda session: follow_settlements(session, young_seconds=0))
        found += [alarm.broken for _, _, alarm in alarms]
    return found


def read_cursor(database: Database) -> int:
    with session_scope(database) as session:
        entry_id = hold_cursor(session, reader=READER)
    assert entry_id is not None
    return entry_id


def list_served(database: Database, job_id: int, strategy_id: int) -> list[bool]:
    """Whether each task in turn was answered by the strategy."""
    with session_scope(database) as session:
        outcomes = [result.outcome for result in iterate_results(session, job_id=job_id)]
    return [outcome is not None and outcome.strategy_id == strategy_id for outcome in outcomes]


def test_a_strategy_that_silently_degrades_mid_run_loses_its_tasks(
    db_engine: Database, tmp_path: Path, version_ids: list[int]
) -> None:
    pupils = Fading(after=250)
    job_id = run_night(db_engine, tmp_path, pupils, tasks=3000, version_ids=version_ids)
    with session_scope(db_engine) as session:
        (alarm,) = list_standing_alarms(session)
        large = read_corrections(session, version_ids=version_ids)[version_ids[1]]
        strategies = session.execute(text("SELECT id FROM strategy ORDER BY id")).scalars().all()
        assert has_open_request(session)
    assert (alarm.strategy, alarm.broken) == ("large", "worse")
    assert alarm.observed < alarm.predicted - 0.2
    assert large.log_odds_offset < -1.0
    served = list_served(db_engine, job_id, strategies[1])
    assert np.mean(served[:400]) > 0.4
    assert np.mean(served[-1000:]) < 0.05


def test_a_quiet_night_changes_nothing(db_engine: Database, tmp_path: Path, version_ids: list[int]) -> None:
    read_cursor(db_engine)
    run_night(db_engine, tmp_path, Pupils(WELL), tasks=600, version_ids=version_ids)
    assert follow(db_engine) == []
    with session_scope(db_engine) as session:
        drifts = read_drifts(session, version_ids=version_ids)
        assert not has_open_request(session)
        assert list_standing_alarms(session) == []
    assert sum(drift.outcomes for drift in drifts.values()) == 600
    assert {StoredCorrection(drift.log_odds_offset, drift.cost_ratio) for drift in drifts.values()} == {(0.0, 1.0)}


def test_each_settlement_is_looked_at_once(db_engine: Database, tmp_path: Path, version_ids: list[int]) -> None:
    read_cursor(db_engine)
    run_night(db_engine, tmp_path, Pupils(WELL), tasks=100, version_ids=version_ids)
    follow(db_engine)
    follow(db_engine)
    with session_scope(db_engine) as session:
        drifts = read_drifts(session, version_ids=version_ids)
    assert sum(drift.outcomes for drift in drifts.values()) == 100


def test_only_one_looks_at_a_time(db_engine: Database) -> None:
    read_cursor(db_engine)
    with session_scope(db_engine) as holding:
        assert hold_cursor(holding, reader=READER) is not None
        with session_scope(db_engine) as other:
            assert hold_cursor(other, reader=READER) is None


def test_a_night_after_the_fall_is_planned_with_it(db_engine: Database, tmp_path: Path, version_ids: list[int]) -> None:
    read_cursor(db_engine)
    run_night(db_engine, tmp_path, Pupils({"small": 0.6, "large": 0.4}), tasks=600, version_ids=version_ids)
    follow(db_engine)
    pupils = Pupils({"small": 0.6, "large": 0.4})
    run_night(db_engine, tmp_path, pupils, tasks=200, version_ids=version_ids)
    assert pupils.asked["large"] <= 10
