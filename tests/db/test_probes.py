"""Probe jobs: found while unfinished, and learnt from with the weight of each task."""

from sqlalchemy import Engine

from db.jobs import complete_job, update_meta
from db.outcome_rows import NewOutcome, Origin, insert_outcomes
from db.probes import list_unfinished_probes, read_answered
from db.session import session_scope
from db.states import JobKind, OutcomeSource
from db.strategies import register_strategy
from db.training_rows import read_graded_rows
from tests.db.building import TENANT, BuiltJob, build_job, claim, finish, outcome, reserve, route, settle


def build_probe(engine: Engine, *, tasks: int, weights: list[float]) -> BuiltJob:
    """A probe of strategy s0 that is routed."""
    with session_scope(engine) as session:
        job = build_job(session, tasks=tasks, kind=JobKind.PROBE, strategies=1)
        update_meta(session, job_id=job.id, meta={"weights": weights})
        route(session, job)
    return job


def answer(engine: Engine, outcomes: list[NewOutcome]) -> None:
    group = claim(engine)
    settle(engine, group, reserve(engine, group, [own.seq for own in outcomes]), outcomes)
    finish(engine, group)


def test_an_unfinished_probe_of_this_very_version_is_found(db_engine: Engine) -> None:
    job = build_probe(db_engine, tasks=2, weights=[1.0, 1.0])
    with session_scope(db_engine) as session:
        build_job(session, tasks=1, kind=JobKind.CALIBRATION)  # unfinished too, and no probe
        dearer = register_strategy(
            session, tenant_id=TENANT, name="s0", spec_hash="hash0", spec={}, tariff={"FLOPs": "2/1"}
        )
        assert list_unfinished_probes(session, strategy_id=job.strategy_ids[0]) == [job.id]
        assert list_unfinished_probes(session, strategy_id=dearer.id) == []  # its reservations are of other prices
    answer(db_engine, [outcome(0), outcome(1)])
    with session_scope(db_engine) as session:
        assert complete_job(session, job_id=job.id)
        assert list_unfinished_probes(session, strategy_id=job.strategy_ids[0]) == []


def test_what_probes_answered_is_learnt_with_its_weight(db_engine: Engine) -> None:
    job = build_probe(db_engine, tasks=3, weights=[0.25, 2.0, 0.75])
    answer(db_engine, [outcome(0), outcome(1, correct=None), outcome(2, correct=0.0)])
    with session_scope(db_engine) as session:
        rows = read_graded_rows(session, strategy_id=job.strategy_ids[0])
        assert read_answered(session, strategy_id=job.strategy_ids[0]) == {"{}"}
    assert [(row.seq, row.kind, row.weight, row.correct) for row in rows] == [
        (0, JobKind.PROBE, 0.25, 1.0),
        (2, JobKind.PROBE, 0.75, 0.0),
    ]


def test_a_calibrations_outcomes_weigh_one_and_count_as_answered(db_engine: Engine) -> None:
    with session_scope(db_engine) as session:
        job = build_job(session, tasks=1, kind=JobKind.CALIBRATION)
        first, second = job.strategy_ids
        origin = Origin(
            tenant_id=TENANT,
            job_id=job.id,
            kind=JobKind.CALIBRATION,
            arm=first,
            strategy_id=first,
            grp_id=None,
            fence=None,
            source=OutcomeSource.RECORDING,
        )
        insert_outcomes(session, outcomes=[outcome(0)], origin=origin)
        (row,) = read_graded_rows(session, strategy_id=first)
        assert (row.kind, row.weight) == (JobKind.CALIBRATION, 1.0)
        assert read_answered(session, strategy_id=first) == {"{}"}
        assert read_answered(session, strategy_id=second) == set()


def test_what_a_run_answered_is_asked_again_by_a_probe(db_engine: Engine) -> None:
    with session_scope(db_engine) as session:
        job = build_job(session, tasks=1)
        route(session, job)
    answer(db_engine, [outcome(0)])
    with session_scope(db_engine) as session:
        assert read_answered(session, strategy_id=job.strategy_ids[0]) == set()
