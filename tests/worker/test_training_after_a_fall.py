"""A strategy that became worse is learnt anew from what it does since then, and keeps away from its old traffic."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from sqlalchemy import Engine as Database

from db.drift import WITHDRAWN, StoredDrift, list_standing_alarms, list_withdrawn_alarms, store_drift
from db.jobs import store_outline
from db.predictions import Predictions
from db.predictors import read_report
from db.session import run_in_transaction, session_scope
from db.settled_rows import hold_cursors
from db.states import JobKind, PredictorState, TrainingScope
from router.drift.outline import outline_tasks, write_outline
from router.drift.watch import UNSEEN, Broken, Settled, Watch, note_settled
from router.drift.watch_json import write_watch
from router.generation import Completion, GenerationRequest
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
from tests.worker.learning_house import alarm_about_small, answer, champion, newest, register, standing, train
from worker.drift_sweep import follow_settlements
from worker.encoder import SentenceEncoder
from worker.evidence import read_cutoff
from worker.lesson import Lesson
from worker.predictors import LoadedPredictors, load_predictors
from worker.task_encoder import TaskEncoder
from worker.task_line import parse_task_line
from worker.training_due import LEAST_CHANGED

BEFORE, AFTER = 0.8, 0.5
SMALL = 0.6
TOKENS = {"small": 5, "large": 20}


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> TaskEncoder:
    return TaskEncoder(SentenceEncoder(threads=1), cache_directory=tmp_path_factory.mktemp("vectors"))


class Pupils:
    """Two strategies, each right as often as it is told."""

    def __init__(self, large: float) -> None:
        self.right = {"small": SMALL, "large": large}
        self.asked = dict.fromkeys(TOKENS, 0)
        self._rng = np.random.default_rng(0)

    def __call__(self, request: GenerationRequest) -> Completion:
        name = "large" if request.max_tokens == MAX_TOKENS["large"] else "small"
        self.asked[name] += 1
        text = "yes" if self._rng.random() < self.right[name] else "no"
        return Completion(texts=(text,), finish_reasons=("stop",), prompt_tokens=5, output_tokens=TOKENS[name])


@dataclass(frozen=True, kw_only=True)
class House:
    """A deployment of two strategies, of which the large one was right four times in five when it was calibrated."""

    database: Database
    encoder: TaskEncoder
    folder: Path

    def load(self) -> LoadedPredictors:
        """What a job would be planned with now."""
        with session_scope(self.database) as session:
            return load_predictors(
                session, strategy_ids=register(self.database), names=make_pool().names, encoder=self.encoder.name
            )

    def foresee(self, tasks: int, loaded: LoadedPredictors) -> Predictions:
        """What is stored of a job: predictions as they come, which routers correct."""
        texts = [parse_task_line(task.payload).embedded_text for task in make_tasks(tasks)]
        accuracy = loaded.stack.predict(self.encoder.encode(texts)).accuracy
        flat = predict_flat(tasks, **{name: (0.5, float(cost)) for name, cost in TOKENS.items()})
        return replace(flat, accuracy=accuracy)

    def expect_of_large(self) -> float:
        """The mean accuracy that the next plan expects of it."""
        loaded = self.load()
        return float(loaded.standing.correct(self.foresee(200, loaded)).accuracy[:, 1].mean())

    def serve(self, pupils: Pupils, *, tasks: int) -> None:
        """A night, and a look at what was settled last."""
        loaded = self.load()
        job_id = submit(
            self.database,
            predictions=self.foresee(tasks, loaded),
            objective=budget(13 * tasks),
            version_ids=loaded.version_ids,
        )
        assert drive(self.database, job_id, [FakeEngine(pupils)], make_settings(self.folder, window_tasks=40))
        run_in_transaction(self.database, lambda session: follow_settlements(session, young_seconds=0))

    def list_alarms(self) -> list[str]:
        """What is told of the predictors that serve."""
        with session_scope(self.database) as session:
            return [alarm.broken for alarm in list_standing_alarms(session)]


@pytest.fixture
def house(db_engine: Database, encoder: TaskEncoder, tmp_path: Path) -> House:
    for strategy, right in enumerate((SMALL, BEFORE)):
        answer(db_engine, draw(right, 600), tokens=list(TOKENS.values())[strategy], strategy=strategy)
    train(db_engine, encoder)
    with session_scope(db_engine) as session:
        hold_cursors(session)  # settlements are watched from here on
    return House(database=db_engine, encoder=encoder, folder=tmp_path)


def draw(right: float, count: int) -> Sequence[float]:
    return [float(value) for value in np.random.default_rng(count).random(count) < right]


def test_after_a_fall_and_a_training_the_next_plan_knows_what_the_strategy_is_now(house: House) -> None:
    assert house.expect_of_large() > 0.75
    pupils = Pupils(large=AFTER)
    house.serve(pupils, tasks=600)
    assert house.list_alarms() == [Broken.WORSE]
    answer(house.database, draw(AFTER, LEAST_CHANGED), kind=JobKind.RUN, propensity=1.0, tokens=20, strategy=1)
    train(house.database, house.encoder)
    assert house.expect_of_large() <= SMALL
    pupils.asked["large"] = 0
    house.serve(pupils, tasks=200)
    assert pupils.asked["large"] <= 10


def test_a_moment_after_a_fall_the_predictor_stays_and_stays_corrected(house: House) -> None:
    pupils = Pupils(large=0.2)
    house.serve(pupils, tasks=140)
    assert pupils.asked["large"] < LEAST_CHANGED
    _, large = train(house.database, house.encoder, Lesson(scope=TrainingScope.ALL))
    assert large.state is None
    assert large.few_since_change is not None
    assert 0 < large.few_since_change < LEAST_CHANGED
    assert house.expect_of_large() <= SMALL
    assert house.list_alarms() == [Broken.WORSE]


def test_what_teaches_after_an_alarm_is_the_same_whatever_came_since(db_engine: Database, encoder: TaskEncoder) -> None:
    answer(db_engine, draw(0.9, 200))
    train(db_engine, encoder)
    version_id = champion(db_engine, encoder).id
    answer(db_engine, draw(0.5, LEAST_CHANGED + 20), kind=JobKind.RUN, propensity=1.0)
    assert standing(db_engine, encoder).news == LEAST_CHANGED + 20
    alarm_about_small(db_engine, Broken.WORSE, outcomes=50, version_id=version_id)
    assert standing(db_engine, encoder).has_to_wait
    assert not standing(db_engine, encoder).is_due(TrainingScope.ALL)
    answer(db_engine, draw(0.5, 50), kind=JobKind.RUN, propensity=1.0)
    assert standing(db_engine, encoder).is_due(TrainingScope.ENOUGH)
    train(db_engine, encoder)
    first = newest(db_engine, encoder)
    assert first.meta["learnt_from"]["outcomes"] == 100
    assert not standing(db_engine, encoder).is_due(TrainingScope.NEWS)
    answer(db_engine, draw(0.9, 80), kind=JobKind.RUN, propensity=1.0)
    alarm_about_small(db_engine, Broken.BETTER, outcomes=80, version_id=version_id)
    train(db_engine, encoder, Lesson(scope=TrainingScope.ALL, cutoff=read_cutoff(first.meta)))
    assert newest(db_engine, encoder).artefact == first.artefact


@pytest.mark.parametrize("told", [Broken.WORSE, Broken.BETTER])
def test_after_a_withdrawn_alarm_all_outcomes_teach_again(
    db_engine: Database, encoder: TaskEncoder, told: Broken
) -> None:
    answer(db_engine, draw(0.9, 200))
    train(db_engine, encoder)
    version_id = champion(db_engine, encoder).id
    answer(db_engine, draw(0.9, LEAST_CHANGED + 5), kind=JobKind.RUN, propensity=1.0)
    alarm_about_small(db_engine, told, outcomes=LEAST_CHANGED, version_id=version_id)
    train(db_engine, encoder)
    cut = newest(db_engine, encoder)
    assert cut.meta["learnt_from"]["outcomes"] == LEAST_CHANGED
    assert not standing(db_engine, encoder).is_due(TrainingScope.ENOUGH)
    alarm_about_small(db_engine, WITHDRAWN, outcomes=5, version_id=version_id)
    assert standing(db_engine, encoder).is_due(TrainingScope.ENOUGH)
    train(db_engine, encoder)
    assert newest(db_engine, encoder).meta["learnt_from"]["outcomes"] == 305
    assert not standing(db_engine, encoder).is_due(TrainingScope.ENOUGH)
    train(db_engine, encoder, Lesson(scope=TrainingScope.ALL, cutoff=read_cutoff(cut.meta)))
    assert newest(db_engine, encoder).artefact == cut.artefact


def test_a_withdrawal_takes_back_the_alarm_before_it_and_no_other(db_engine: Database, encoder: TaskEncoder) -> None:
    answer(db_engine, draw(0.9, 200))
    train(db_engine, encoder)
    version_id = champion(db_engine, encoder).id
    answer(db_engine, draw(0.5, 150), kind=JobKind.RUN, propensity=1.0)
    for broken, outcomes in ((Broken.WORSE, 120), (Broken.BETTER, 30), (Broken.DEARER, 50), (WITHDRAWN, 40)):
        alarm_about_small(db_engine, broken, outcomes=outcomes, version_id=version_id)
    with session_scope(db_engine) as session:
        assert [alarm.broken for alarm in list_standing_alarms(session)] == [Broken.DEARER, Broken.WORSE]
        assert [alarm.broken for alarm in list_withdrawn_alarms(session)] == [Broken.BETTER]
    train(db_engine, encoder)
    assert newest(db_engine, encoder).meta["learnt_from"]["outcomes"] == 120
    alarm_about_small(db_engine, Broken.BETTER, outcomes=110, version_id=version_id)
    train(db_engine, encoder, Lesson(scope=TrainingScope.ALL))
    assert newest(db_engine, encoder).meta["learnt_from"]["outcomes"] == 110
    with session_scope(db_engine) as session:
        assert list_withdrawn_alarms(session) == []


def test_an_alarm_about_costs_leaves_labels_alone(db_engine: Database, encoder: TaskEncoder) -> None:
    answer(db_engine, draw(0.9, 200))
    train(db_engine, encoder)
    answer(db_engine, draw(0.9, 60), kind=JobKind.RUN, propensity=1.0)
    alarm_about_small(db_engine, Broken.DEARER, outcomes=50, version_id=champion(db_engine, encoder).id)
    assert standing(db_engine, encoder).is_due(TrainingScope.NEWS)
    train(db_engine, encoder)
    assert newest(db_engine, encoder).meta["learnt_from"]["outcomes"] == 260


def read_gate(database: Database, encoder: TaskEncoder) -> Mapping[str, Any]:
    """What the gate saw of the pair that was trained last."""
    with session_scope(database) as session:
        report = read_report(session, predictor_id=newest(database, encoder).id).report["gate"]["report"]
    return cast("Mapping[str, Any]", report)


def correct_small(database: Database, version_id: int, offset: float, watch: Watch = UNSEEN) -> None:
    drift = StoredDrift(
        predictor_version_id=version_id,
        outcomes=300,
        watch=write_watch(watch),
        log_odds_offset=offset,
        cost_ratio=1.0,
    )
    run_in_transaction(database, lambda session: store_drift(session, drift=drift))


def test_the_gate_compares_with_the_champion_as_it_is_corrected(db_engine: Database, encoder: TaskEncoder) -> None:
    answer(db_engine, draw(0.9, 800))
    train(db_engine, encoder)
    answer(db_engine, draw(0.6, 150), kind=JobKind.RUN, propensity=1.0, first=800)
    correct_small(db_engine, champion(db_engine, encoder).id, -1.8)  # .9 becomes .6
    (small, _) = train(db_engine, encoder)
    assert read_gate(db_engine, encoder)["outcomes"] == 150
    assert small.state is not PredictorState.CHAMPION


def test_the_gate_corrects_the_champion_by_the_kind_of_each_outcomes_job(
    db_engine: Database, encoder: TaskEncoder
) -> None:
    """One kind of tasks fails; on another, of which most outcomes are, the champion is as right as ever."""
    answer(db_engine, draw(0.9, 1300))
    train(db_engine, encoder)
    fallen, quiet, watch = draw(0.1, 40), draw(0.9, 200), UNSEEN
    jobs = [
        answer(db_engine, grades, kind=JobKind.RUN, propensity=1.0, first=first)
        for grades, first in ((fallen, 1300), (quiet, 1340))
    ]
    rng = np.random.default_rng(0)
    for job, grades, centre in zip(jobs, (fallen, quiet), (0.0, 5.0), strict=True):
        outline = outline_tasks(rng.normal(centre, 0.1, (200, 4)).astype(np.float32))
        assert outline is not None
        keep = partial(store_outline, job_id=job, outline=write_outline(outline))
        run_in_transaction(db_engine, keep)
        for grade in grades:
            watch = note_settled(watch, Settled(accuracy=0.9, correct=grade, cost_ratio=None, job=job)).watch
    assert watch.doubt is not None
    correct_small(db_engine, champion(db_engine, encoder).id, -2.0, watch)
    (small, _) = train(db_engine, encoder)
    assert read_gate(db_engine, encoder)["outcomes"] == 240
    assert small.state in {PredictorState.HELD, PredictorState.REJECTED}


def test_a_pair_of_a_few_outcomes_is_not_proven_by_what_an_alarm_corrected(
    db_engine: Database, encoder: TaskEncoder
) -> None:
    """The alarm is of the unluckiest answers, and corrects by them alone: what came since is as before."""
    answer(db_engine, draw(0.9, 800))
    train(db_engine, encoder)
    serving = champion(db_engine, encoder)
    answer(db_engine, draw(0.4, 25), kind=JobKind.RUN, propensity=1.0, first=800)
    alarm_about_small(db_engine, Broken.WORSE, outcomes=25, version_id=serving.id)
    correct_small(db_engine, serving.id, -2.6)  # .9 becomes .4
    answer(db_engine, draw(0.9, 100), kind=JobKind.RUN, propensity=1.0, first=825)
    (small, _) = train(db_engine, encoder)
    assert read_gate(db_engine, encoder)["outcomes"] == 125
    assert small.state in {PredictorState.HELD, PredictorState.REJECTED}
    assert champion(db_engine, encoder).id == serving.id
