"""Trials in the database: which versions they are of, and what the tasks that drew a lot say."""

from dataclasses import replace

import msgspec
import numpy as np
from sqlalchemy import Engine

from db.explorations import NewExploration
from db.plans import commit_window
from db.predictors import count_on_trial, list_predictors, set_state, store_champion, store_version
from db.session import session_scope
from db.states import PredictorState
from db.strategies import register_strategy
from db.trial_windows import (
    NewLots,
    count_labels_a_day,
    count_trial_traffic,
    read_tried_tasks,
)
from db.trials import end_trial, list_open_trials, lock_open_trial, open_trials
from db.windows import claim_window
from tests.db.building import (
    LEASE_SECONDS,
    BuiltJob,
    build_job,
    claim,
    finish,
    label,
    new_group,
    outcome,
    reserve,
    settle,
)

TENANT = "default"
TASKS = 4
HALF = np.full((TASKS, 2), 0.5, dtype=np.float32)


def add_version(engine: Engine, *, state: PredictorState, name: str = "s0") -> int:
    with session_scope(engine) as session:
        strategy = register_strategy(session, tenant_id=TENANT, name=name, spec_hash=f"hash{name}", spec={}, tariff={})
        return store_version(
            session, strategy_id=strategy.id, encoder="e", artefact=b"", meta={}, state=state, report={}
        )


def begin_trial(engine: Engine) -> int:
    add_version(engine, state=PredictorState.CANDIDATE)
    with session_scope(engine) as session:
        (trial_id,) = open_trials(session, tenant_id=TENANT)
    return trial_id


def try_window(engine: Engine, *, trial_id: int) -> BuiltJob:
    """A job whose tasks 0, 1 and 2 drew lots, at a price of .05 right answers a quantum, and cost 4 quanta each."""
    certain = np.zeros(TASKS, dtype=np.int64)
    drawn = NewExploration(
        best=certain,
        intended=certain,
        propensity=HALF,
        set_aside=0,
        accuracy_given_up=0.0,
        extra_cost=0.0,
        worst_extra_cost=0.0,
    )
    lots = NewLots(
        trial_id=trial_id,
        price=0.05,
        tasks=TASKS,
        apart=3,
        seqs=[0, 1, 2],
        challenged=[True, False, True],
        expected=[0.5, 0.25, 0.75],
    )
    with session_scope(engine) as session:
        job = build_job(session, tasks=TASKS)
        window = claim_window(session, job_id=job.id, size=TASKS, owner="router", lease_seconds=LEASE_SECONDS)
        assert window is not None
        group = replace(new_group(job.strategy_ids[0], list(range(TASKS))), propensities=[0.5] * TASKS)
        commit_window(session, window_id=window.id, fence=window.fence, groups=[group], exploration=drawn, lots=lots)
    return job


def read(engine: Engine, trial_id: int) -> list[tuple[bool, float, float, float]]:
    with session_scope(engine) as session:
        tasks = read_tried_tasks(session, trial_id=trial_id)
    return [(task.challenged, task.correct, round(task.spent, 9), task.expected) for task in tasks]


def test_the_latest_label_of_who_counts_most_is_what_a_lot_led_to(db_engine: Engine) -> None:
    trial_id = begin_trial(db_engine)
    job = try_window(db_engine, trial_id=trial_id)
    group = claim(db_engine)
    answers = [outcome(0), outcome(1, correct=0.0), outcome(2, correct=None), outcome(3)]
    settle(db_engine, group, reserve(db_engine, group, list(range(TASKS))), answers)
    finish(db_engine, group)
    assert read(db_engine, trial_id) == [(True, 1.0, 0.2, 0.5), (False, 0.0, 0.2, 0.25)]
    with session_scope(db_engine) as session:
        label(session, job_id=job.id, seq=1, arm=0, source="person", correct=1.0)
        label(session, job_id=job.id, seq=1, arm=0, source="judge", correct=0.5)
        assert count_trial_traffic(session, trial_id=trial_id) == (TASKS, 3)
        assert count_labels_a_day(session, tenant_id=TENANT, days=1) == 3
    assert read(db_engine, trial_id) == [(True, 1.0, 0.2, 0.5), (False, 1.0, 0.2, 0.25)]


def test_an_answer_that_failed_is_wrong_where_others_are_judged(db_engine: Engine) -> None:
    trial_id = begin_trial(db_engine)
    try_window(db_engine, trial_id=trial_id)
    group = claim(db_engine)
    failed = msgspec.structs.replace(outcome(0, correct=None), error_code="too_long", error_message="too long")
    settle(db_engine, group, reserve(db_engine, group, [0, 1]), [failed, outcome(1, correct=None)])
    assert read(db_engine, trial_id) == []
    settle(db_engine, group, reserve(db_engine, group, [2, 3]), [outcome(2), outcome(3)])
    finish(db_engine, group)
    assert read(db_engine, trial_id) == [(True, 0.0, 0.2, 0.5), (True, 1.0, 0.2, 0.75)]


def test_all_that_waits_is_tried_together_and_one_trial_at_a_time(db_engine: Engine) -> None:
    first = [add_version(db_engine, state=PredictorState.CANDIDATE, name=name) for name in ("s0", "s1")]
    with session_scope(db_engine) as session:
        (trial_id,) = open_trials(session, tenant_id=TENANT)
    later = add_version(db_engine, state=PredictorState.CANDIDATE)
    with session_scope(db_engine) as session:
        assert open_trials(session, tenant_id=TENANT) == []
        assert [list(trial.predictor_version_ids) for trial in list_open_trials(session, tenant_id=TENANT)] == [first]
        assert count_on_trial(session, predictor_ids=[*first, later]) == 2
        trial = lock_open_trial(session, trial_id=trial_id)
        assert trial is not None
        end_trial(session, trial=trial, verdict="futile")
        assert lock_open_trial(session, trial_id=trial_id) is None
        set_state(session, predictor_ids=first, before=PredictorState.ON_TRIAL, to=PredictorState.HELD)
        (second,) = open_trials(session, tenant_id=TENANT)
        (now,) = list_open_trials(session, tenant_id=TENANT)
        assert (now.id, list(now.predictor_version_ids)) == (second, [later])


def test_of_a_strategy_only_the_newest_waits_and_a_champion_ends_what_was_tried_against_the_last(
    db_engine: Engine,
) -> None:
    begin_trial(db_engine)
    for state in (PredictorState.CANDIDATE, PredictorState.CANDIDATE):
        add_version(db_engine, state=state)
    assert states_of(db_engine) == [PredictorState.CANDIDATE, PredictorState.HELD, PredictorState.ON_TRIAL]
    with session_scope(db_engine) as session:
        strategy = register_strategy(session, tenant_id=TENANT, name="s0", spec_hash="hashs0", spec={}, tariff={})
        store_champion(session, strategy_id=strategy.id, encoder="e", artefact=b"", meta={})
    assert states_of(db_engine) == [PredictorState.CHAMPION, *[PredictorState.HELD] * 3]


def states_of(engine: Engine) -> list[PredictorState]:
    with session_scope(engine) as session:
        return [version.state for version in list_predictors(session, tenant_id=TENANT, limit=10)]
