"""Trials from their beginning to what follows: lots as they are written down, and what won serves."""

from pathlib import Path

import pytest
from sqlalchemy import Engine as Database
from sqlalchemy import select

from db.explorations import iterate_draws
from db.predictors import count_on_trial, list_predictors, promote, store_champion, store_version
from db.results import iterate_results
from db.session import run_in_transaction, session_scope
from db.states import PredictorState
from db.tables import TrialWindowRow
from db.trials import Trial, find_trial_of, list_open_trials
from router.promotion.trial import LOOK_LABELS, Verdict
from tests.worker.fake_night import make_pool
from tests.worker.trial_house import LARGE, reread, run_night
from worker.pool import register_pool
from worker.trial_sweep import WITHDRAWN, sweep_trials
from worker.window_trial import TRIAL_SHARE

ENCODER = "none"


def begin_trial(database: Database) -> Trial:
    """A champion of either strategy, and a trial of a challenger for the large one."""

    def store(session: object) -> int:
        ids = register_pool(session, tenant_id="default", pool=make_pool())  # type: ignore[arg-type]  # see run_in_transaction
        for strategy_id in ids:
            store_champion(session, strategy_id=strategy_id, encoder=ENCODER, artefact=b"a", meta={})  # type: ignore[arg-type]  # as above
        return store_version(
            session,  # type: ignore[arg-type]  # as above
            strategy_id=ids[LARGE],
            encoder=ENCODER,
            artefact=b"b",
            meta={},
            state=PredictorState.CANDIDATE,
            report={},
        )

    version_id = run_in_transaction(database, store)
    sweep_trials(database)
    with session_scope(database) as session:
        trial = find_trial_of(session, predictor_id=version_id)
    assert trial is not None
    assert list(trial.predictor_version_ids) == [version_id]
    return trial


def states_of(database: Database) -> dict[tuple[str, int], PredictorState]:
    with session_scope(database) as session:
        versions = list_predictors(session, tenant_id="default", limit=10)
    return {(version.strategy, version.version): version.state for version in versions}


def test_lots_are_what_is_written_down_and_what_is_executed(db_engine: Database, tmp_path: Path) -> None:
    trial = begin_trial(db_engine)
    job_id = run_night(db_engine, tmp_path, trial=trial, tasks=400, right={"small": 0.5, "large": 0.5})
    with session_scope(db_engine) as session:
        windows = session.execute(select(TrialWindowRow)).scalars().all()
        draws = {draw.seq: draw for draw in iterate_draws(session, job_id=job_id)}
        outcomes = {result.seq: result.outcome for result in iterate_results(session, job_id=job_id)}
    assert [window.tasks for window in windows] == [window.apart for window in windows] == [50] * 8
    challenged = {seq: lot for window in windows for seq, lot in zip(window.seqs, window.challenged, strict=True)}
    assert len(challenged) == pytest.approx(400 * TRIAL_SHARE, abs=40)
    assert sum(challenged.values()) == pytest.approx(len(challenged) / 2, abs=40)
    for seq, draw in draws.items():
        small, large = sorted(draw.propensity)
        assert draw.best == small
        assert draw.intended == (large if challenged.get(seq, False) else small)
        assert draw.propensity == {small: pytest.approx(0.6), large: pytest.approx(0.4)}
        outcome = outcomes[seq]
        assert outcome is not None
        assert outcome.strategy_id == draw.intended
        assert outcome.propensity == pytest.approx(draw.propensity[draw.intended])


def test_a_challenger_that_wins_its_trial_serves(db_engine: Database, tmp_path: Path) -> None:
    trial = begin_trial(db_engine)
    run_night(db_engine, tmp_path, trial=trial, tasks=600, right={"small": 0.2, "large": 0.9})
    sweep_trials(db_engine)
    assert reread(db_engine, trial).verdict is None  # next to nothing of the error is spent so early
    run_night(db_engine, tmp_path, trial=trial, tasks=700, right={"small": 0.2, "large": 0.9})
    sweep_trials(db_engine)
    ended = reread(db_engine, trial)
    assert ended.verdict == Verdict.PROMOTE
    assert [look["verdict"] for look in ended.looks] == [Verdict.CONTINUE, Verdict.PROMOTE]
    assert ended.looks[-1]["gain"]["mean"] == pytest.approx(0.7, abs=0.12)
    assert states_of(db_engine) == {
        ("small", 1): PredictorState.CHAMPION,
        ("large", 1): PredictorState.RETIRED,
        ("large", 2): PredictorState.CHAMPION,
    }


def test_a_challenger_that_does_harm_is_stopped_and_tried_no_more(db_engine: Database, tmp_path: Path) -> None:
    trial = begin_trial(db_engine)
    run_night(db_engine, tmp_path, trial=trial, tasks=500, right={"small": 0.9, "large": 0.2})
    sweep_trials(db_engine)
    assert reread(db_engine, trial).verdict == Verdict.HARMFUL
    assert states_of(db_engine)["large", 2] is PredictorState.REJECTED
    job_id = run_night(db_engine, tmp_path, trial=trial, tasks=50, right={"small": 0.9, "large": 0.2})
    with session_scope(db_engine) as session:
        assert list(iterate_draws(session, job_id=job_id)) == []


def test_few_labels_decide_nothing(db_engine: Database, tmp_path: Path) -> None:
    trial = begin_trial(db_engine)
    run_night(db_engine, tmp_path, trial=trial, tasks=LOOK_LABELS - 50, right={"small": 0.9, "large": 0.2})
    sweep_trials(db_engine)
    assert (reread(db_engine, trial).looks, reread(db_engine, trial).verdict) == ([], None)


def test_a_trial_whose_version_somebody_promotes_ends(db_engine: Database) -> None:
    trial = begin_trial(db_engine)
    (version_id,) = trial.predictor_version_ids
    run_in_transaction(db_engine, lambda session: promote(session, tenant_id="default", predictor_id=version_id))
    sweep_trials(db_engine)
    assert reread(db_engine, trial).verdict == WITHDRAWN
    assert states_of(db_engine)["large", 2] is PredictorState.CHAMPION
    with session_scope(db_engine) as session:
        assert list_open_trials(session, tenant_id="default") == []
        assert count_on_trial(session, predictor_ids=[version_id]) == 0
