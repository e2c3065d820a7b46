"""A strategy that silently becomes worse is noticed while a job runs, and loses its tasks."""

import asyncio
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine as Database
from sqlalchemy import text

from db.drift import list_standing_alarms, list_withdrawn_alarms, read_corrections, read_drifts
from db.labels import NewLabel, store_labels
from db.metrics import count_alarms, count_withdrawals
from db.predictors import store_champion
from db.results import iterate_results
from db.session import run_in_transaction, session_scope
from db.settled_rows import hold_cursors
from db.states import LabelSource
from db.tasks import NewTask
from db.training_requests import has_open_request
from router.drift.correction import Correction
from router.generation import Completion, GenerationRequest
from tests.db.building import build_claimed, outcome, reserve, settle
from tests.waiting import wait_until
from tests.worker.fake_night import (
    MAX_TOKENS,
    FakeEngine,
    budget,
    drive,
    make_pool,
    make_settings,
    make_tasks,
    predict_flat,
    submit,
)
from worker.drift_sweep import DriftSweep, follow_settlements
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


class WaitingEngine(FakeEngine):
    """Gives so many answers, and the rest when an alarm was raised: however fast the machine is."""

    def __init__(self, answer: Callable[[GenerationRequest], Completion], *, database: Database, most: int) -> None:
        super().__init__(answer)
        self._database, self._most = database, most
        self._noticing = asyncio.Lock()

    async def generate(self, request: GenerationRequest) -> Completion:
        if len(self.asked) >= self._most:
            async with self._noticing:
                await asyncio.to_thread(wait_until, self._is_noticed)
        return await super().generate(request)

    def _is_noticed(self) -> bool:
        with session_scope(self._database) as session:
            return bool(list_standing_alarms(session))


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
    engine: FakeEngine,
    *,
    tasks: int,
    version_ids: list[int],
    graded: bool = True,
) -> int:
    """A job whose budget lets about half of its tasks have the large strategy."""
    predictions = predict_flat(tasks, **PREDICTED)
    job_id = submit(
        database,
        predictions=predictions,
        objective=budget(13 * tasks),
        version_ids=version_ids,
        tasks=make_tasks(tasks) if graded else strip_graders(make_tasks(tasks)),
    )
    assert drive(database, job_id, [engine], make_settings(folder, window_tasks=40))
    return job_id


def strip_graders(tasks: list[NewTask]) -> list[NewTask]:
    """Tasks whose answers somebody else grades, later."""
    bare = [json.loads(task.payload) for task in tasks]
    return [
        NewTask(custom_id=line["custom_id"], payload=json.dumps({key: line[key] for key in line if key != "grader"}))
        for line in bare
    ]


def follow(database: Database) -> list[str]:
    """Look at everything that was settled; what was found broken."""
    found: list[str] = []
    before = None
    while (now := read_cursors(database)) != before:
        before = now
        alarms = run_in_transaction(database, lambda session: follow_settlements(session, young_seconds=0))
        found += [alarm.broken for _, _, alarm in alarms]
    return found


def read_cursors(database: Database) -> dict[str, int]:
    with session_scope(database) as session:
        held = hold_cursors(session)
    assert held is not None
    return held


def list_served(database: Database, job_id: int, strategy_id: int) -> list[bool]:
    """Whether each task in turn was answered by the strategy."""
    with session_scope(database) as session:
        outcomes = [result.outcome for result in iterate_results(session, job_id=job_id)]
    return [outcome is not None and outcome.strategy_id == strategy_id for outcome in outcomes]


def test_a_strategy_that_silently_degrades_mid_run_loses_its_tasks(
    db_engine: Database, tmp_path: Path, version_ids: list[int]
) -> None:
    engine = WaitingEngine(Fading(after=200), database=db_engine, most=1000)
    job_id = run_night(db_engine, tmp_path, engine, tasks=2000, version_ids=version_ids)
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
    assert np.mean(served[-800:]) < 0.05


def test_a_lucky_streak_is_told_and_withdrawn_once_it_has_passed(
    db_engine: Database, tmp_path: Path, version_ids: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    read_cursors(db_engine)
    pupils = Pupils(dict(WELL))

    def serve(right: float, *, tasks: int) -> None:
        pupils.right["small"] = right
        run_night(db_engine, tmp_path, FakeEngine(pupils), tasks=tasks, version_ids=version_ids)

    serve(WELL["small"], tasks=300)
    assert follow(db_engine) == []
    found: list[str] = []
    while not found:
        serve(1.0, tasks=20)
        found = follow(db_engine)
    assert found == ["better"]
    serve(WELL["small"], tasks=200)
    DriftSweep(db_engine, pause_seconds=0.0, young_seconds=0.0).look()
    assert "is withdrawn" in caplog.text
    with session_scope(db_engine) as session:
        assert list_standing_alarms(session) == []
        (withdrawn,) = list_withdrawn_alarms(session)
        small = read_corrections(session, version_ids=version_ids)[version_ids[0]]
        assert [(own.broken, own.count) for own in count_alarms(session)] == [("better", 1)]
        assert [(own.broken, own.count) for own in count_withdrawals(session)] == [("better", 1)]
    assert (withdrawn.strategy, withdrawn.broken) == ("small", "better")
    assert abs(withdrawn.observed - withdrawn.predicted) < 0.15
    assert small.log_odds_offset < 0.7


def test_a_quiet_night_changes_nothing(db_engine: Database, tmp_path: Path, version_ids: list[int]) -> None:
    read_cursors(db_engine)
    run_night(db_engine, tmp_path, FakeEngine(Pupils(WELL)), tasks=600, version_ids=version_ids)
    assert follow(db_engine) == []
    with session_scope(db_engine) as session:
        drifts = read_drifts(session, version_ids=version_ids)
        assert not has_open_request(session)
        assert list_standing_alarms(session) == []
    assert sum(drift.outcomes for drift in drifts.values()) == 600
    seen = [Correction(offset=drift.log_odds_offset, cost_ratio=drift.cost_ratio) for drift in drifts.values()]
    assert not any(Correction().differs(correction) for correction in seen)  # by as much as prices anything anew


def test_each_settlement_is_looked_at_once(db_engine: Database, tmp_path: Path, version_ids: list[int]) -> None:
    read_cursors(db_engine)
    run_night(db_engine, tmp_path, FakeEngine(Pupils(WELL)), tasks=100, version_ids=version_ids)
    follow(db_engine)
    follow(db_engine)
    with session_scope(db_engine) as session:
        drifts = read_drifts(session, version_ids=version_ids)
    assert sum(drift.outcomes for drift in drifts.values()) == 100


def test_only_one_looks_at_a_time(db_engine: Database) -> None:
    read_cursors(db_engine)
    with session_scope(db_engine) as holding:
        assert hold_cursors(holding) == {"labels": 0, "settlements": 0}
        with session_scope(db_engine) as other:
            assert hold_cursors(other) is None


def test_a_night_after_the_fall_is_planned_with_it(db_engine: Database, tmp_path: Path, version_ids: list[int]) -> None:
    read_cursors(db_engine)
    pupils = Pupils({"small": 0.6, "large": 0.4})
    run_night(db_engine, tmp_path, FakeEngine(pupils), tasks=600, version_ids=version_ids)
    follow(db_engine)
    pupils.asked["large"] = 0
    run_night(db_engine, tmp_path, FakeEngine(pupils), tasks=200, version_ids=version_ids)
    assert pupils.asked["large"] <= 10


def test_labels_that_come_later_are_noticed_as_grades_are(
    db_engine: Database, tmp_path: Path, version_ids: list[int]
) -> None:
    read_cursors(db_engine)
    engine = FakeEngine(Pupils({"small": 0.6, "large": 0.4}))
    job_id = run_night(db_engine, tmp_path, engine, tasks=400, version_ids=version_ids, graded=False)
    assert follow(db_engine) == []
    with session_scope(db_engine) as session:
        answers = [(result.seq, result.outcome) for result in iterate_results(session, job_id=job_id)]
    labels = [
        NewLabel(seq=seq, arm=0, source=LabelSource.PERSON, correct=float(outcome.answer == "yes"))
        for seq, outcome in answers
        if outcome is not None
    ]
    tell = partial(store_labels, tenant_id="default", job_id=job_id, labels=labels, given_by="somebody")
    assert run_in_transaction(db_engine, tell) == 400
    assert follow(db_engine) == ["worse"]
    with session_scope(db_engine) as session:
        assert sum(drift.outcomes for drift in read_drifts(session, version_ids=version_ids).values()) == 400


def test_a_sweep_looks_again_only_after_a_pause(db_engine: Database) -> None:
    seconds = 100.0
    sweep = DriftSweep(db_engine, pause_seconds=60.0, young_seconds=0.0, now=lambda: seconds)
    read_cursors(db_engine)

    def settle_and_look() -> int:
        _, group = build_claimed(db_engine, tasks=1)
        settle(db_engine, group, reserve(db_engine, group, [0]), [outcome(0)])
        sweep.look()
        return read_cursors(db_engine)["settlements"]

    first = settle_and_look()
    assert first > 0
    seconds += 59
    assert settle_and_look() == first
    seconds += 2
    assert settle_and_look() > first
