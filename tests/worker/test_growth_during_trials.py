"""Steps of growth while a trial goes on: those of its own strategy wait, and it ends as its lots say."""

from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Engine as Database

from db.predictors import list_predictors, read_champions, read_report, store_version
from db.session import run_in_transaction, session_scope
from db.states import PredictorState
from db.trials import Trial, find_trial_of
from router.promotion.trial import Verdict
from tests.worker.promotion_house import is_sum, register, states_of, take_in, train
from tests.worker.trial_house import LARGE, reread, run_night
from worker.encoder import SentenceEncoder
from worker.task_encoder import TaskEncoder
from worker.trial_sweep import sweep_trials

CHAMPION, HELD, RETIRED = PredictorState.CHAMPION, PredictorState.HELD, PredictorState.RETIRED


@pytest.fixture(scope="module")
def encoder() -> TaskEncoder:
    return TaskEncoder(SentenceEncoder(threads=1), cache_directory=None)


def begin_trial(database: Database, encoder: TaskEncoder) -> Trial:
    """Pairs of 120 outcomes that serve, and a trial of another for the large strategy."""
    take_in(database, numbers=range(120), right=is_sum)
    train(database, encoder)
    large = register(database)[LARGE]
    with session_scope(database) as session:
        known = read_champions(session, strategy_ids=[large], encoder=encoder.name)[large]
    candidate = partial(
        store_version,
        strategy_id=large,
        encoder=encoder.name,
        artefact=known.artefact,
        meta=known.meta,
        state=PredictorState.CANDIDATE,
        report={},
    )
    version_id = run_in_transaction(database, candidate)
    sweep_trials(database)
    with session_scope(database) as session:
        trial = find_trial_of(session, predictor_id=version_id)
    assert trial is not None
    return trial


def grow(database: Database, encoder: TaskEncoder, *, first: int) -> None:
    """Enough outcomes for a step of growth of either strategy."""
    before = states_of(database, "small")
    take_in(database, numbers=range(first, first + 400), right=is_sum)
    train(database, encoder)
    assert len(states_of(database, "small")) == len(before) + 1


def newest_report(database: Database, strategy: str) -> dict[str, object]:
    with session_scope(database) as session:
        newest = next(
            own for own in list_predictors(session, tenant_id="default", limit=20) if own.strategy == strategy
        )
        return dict(read_report(session, predictor_id=newest.id).report)


def test_a_better_challenger_wins_its_trial_though_its_strategy_grows(
    db_engine: Database, encoder: TaskEncoder, tmp_path: Path
) -> None:
    trial = begin_trial(db_engine, encoder)
    run_night(db_engine, tmp_path, trial=trial, tasks=600, right={"small": 0.2, "large": 0.9})
    grow(db_engine, encoder, first=1000)
    assert states_of(db_engine, "small") == [CHAMPION, RETIRED]  # nothing of it is tried: it need not wait
    assert states_of(db_engine, "large") == [HELD, PredictorState.ON_TRIAL, CHAMPION]
    report = newest_report(db_engine, "large")
    assert report["is_tried"]
    assert report["gate"]["has_grown"]  # type: ignore[index]  # it is JSON
    assert reread(db_engine, trial).verdict is None
    run_night(db_engine, tmp_path, trial=trial, tasks=700, right={"small": 0.2, "large": 0.9})
    sweep_trials(db_engine)
    assert reread(db_engine, trial).verdict == Verdict.PROMOTE
    assert states_of(db_engine, "large") == [HELD, CHAMPION, RETIRED]
    grow(db_engine, encoder, first=2000)
    assert states_of(db_engine, "large") == [CHAMPION, HELD, RETIRED, RETIRED]


def test_a_worse_challenger_is_rejected_though_its_strategy_grows(
    db_engine: Database, encoder: TaskEncoder, tmp_path: Path
) -> None:
    trial = begin_trial(db_engine, encoder)
    run_night(db_engine, tmp_path, trial=trial, tasks=200, right={"small": 0.9, "large": 0.2})
    grow(db_engine, encoder, first=1000)
    assert states_of(db_engine, "large") == [HELD, PredictorState.ON_TRIAL, CHAMPION]
    run_night(db_engine, tmp_path, trial=trial, tasks=300, right={"small": 0.9, "large": 0.2})
    sweep_trials(db_engine)
    assert reread(db_engine, trial).verdict == Verdict.HARMFUL
    assert states_of(db_engine, "large") == [HELD, PredictorState.REJECTED, CHAMPION]
    grow(db_engine, encoder, first=2000)
    assert states_of(db_engine, "large") == [CHAMPION, HELD, PredictorState.REJECTED, RETIRED]
