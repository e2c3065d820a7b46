"""Training rows: which outcomes teach, up to when, and how many of them."""

import math
from collections.abc import Sequence
from datetime import datetime

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from db.clock import read_clock, read_settled_moment
from db.outcome_rows import NewOutcome, Origin, insert_outcomes
from db.session import session_scope
from db.states import JobKind, OutcomeSource
from db.strategies import register_strategy
from db.training_news import count_news
from db.training_rows import TrainingRow, list_training_outcomes, read_rows
from tests.db.building import (
    TENANT,
    BuiltJob,
    build_claimed,
    build_job,
    label,
    outcome,
    reserve,
    settle,
)


def store(
    engine: Engine,
    outcomes: Sequence[NewOutcome],
    *,
    kind: JobKind = JobKind.CALIBRATION,
    source: OutcomeSource = OutcomeSource.RECORDING,
) -> BuiltJob:
    """A job in which its first strategy did this."""
    with session_scope(engine) as session:
        job = build_job(session, tasks=len(outcomes), kind=kind)
        first = job.strategy_ids[0]
        origin = Origin(
            tenant_id=TENANT,
            job_id=job.id,
            kind=kind,
            arm=0 if kind is JobKind.RUN else first,
            strategy_id=first,
            grp_id=None,
            fence=None,
            source=source,
        )
        insert_outcomes(session, outcomes=outcomes, origin=origin)
    return job


def now(engine: Engine) -> datetime:
    with session_scope(engine) as session:
        return read_clock(session)


def read(engine: Engine, job: BuiltJob, *, cutoff: datetime | None = None, most: int = 100) -> list[TrainingRow]:
    with session_scope(engine) as session:
        listed = list_training_outcomes(session, strategy_id=job.strategy_ids[0], cutoff=cutoff, most=most)
        return read_rows(session, outcomes=listed, cutoff=cutoff)


def news(engine: Engine, job: BuiltJob, *, since: datetime | None, cutoff: datetime | None = None) -> int:
    until = cutoff or now(engine)
    with session_scope(engine) as session:
        return count_news(session, strategy_id=job.strategy_ids[0], since=since, cutoff=until)


def test_a_runs_outcomes_teach_with_their_propensity_where_it_is_known(db_engine: Engine) -> None:
    job, group = build_claimed(db_engine, tasks=4)
    batch = reserve(db_engine, group, [0, 1, 2, 3])
    drawn = [
        msgspec.structs.replace(outcome(0), propensity=0.9),
        msgspec.structs.replace(outcome(1, correct=None), propensity=0.05),
    ]
    failed = msgspec.structs.replace(outcome(3, correct=None), propensity=1.0, answer="", error_code="prompt_refused")
    settle(db_engine, group, batch, [*drawn, outcome(2), failed])  # the third was repaired: no propensity
    rows = read(db_engine, job)
    assert [(row.seq, row.kind, row.propensity) for row in rows] == [(0, JobKind.RUN, 0.9), (1, JobKind.RUN, 0.05)]
    assert rows[0].correct == 1.0
    assert math.isnan(rows[1].correct)


def test_calibrations_come_before_probes_and_those_before_runs(db_engine: Engine) -> None:
    run, probe, calibration = (
        store(db_engine, [msgspec.structs.replace(outcome(0), propensity=1.0)], kind=kind)
        for kind in (JobKind.RUN, JobKind.PROBE, JobKind.CALIBRATION)
    )
    store(db_engine, [outcome(0)], source=OutcomeSource.TWIN)  # somebody else's answer
    assert [row.job_id for row in read(db_engine, run)] == [calibration.id, probe.id, run.id]


def test_a_cap_keeps_the_latest_of_jobs_with_and_of_jobs_without_a_choice(db_engine: Engine) -> None:
    chosen = [msgspec.structs.replace(outcome(seq), propensity=1.0) for seq in range(5)]
    runs = [store(db_engine, chosen, kind=JobKind.RUN) for _ in range(2)]
    asked = store(db_engine, [outcome(seq) for seq in range(4)])
    with session_scope(db_engine) as session:  # another price, the same answers
        register_strategy(session, tenant_id=TENANT, name="s0", spec_hash="hash0", spec={}, tariff={"FLOPs": "2/1"})
    rows = [(row.job_id, row.seq) for row in read(db_engine, asked, most=3)]
    assert rows == [(asked.id, seq) for seq in (1, 2, 3)] + [(runs[1].id, seq) for seq in (2, 3, 4)]


def test_what_was_said_and_done_later_does_not_change_what_there_was(db_engine: Engine) -> None:
    job = store(db_engine, [outcome(0), outcome(1, correct=None)])
    arm = job.strategy_ids[0]
    with session_scope(db_engine) as session:
        label(session, job_id=job.id, seq=1, arm=arm, source="judge", correct=0.5)
    cutoff = now(db_engine)
    before = read(db_engine, job, cutoff=cutoff)
    with session_scope(db_engine) as session:
        label(session, job_id=job.id, seq=0, arm=arm, source="person", correct=0.0)
        label(session, job_id=job.id, seq=1, arm=arm, source="person", correct=1.0)
    store(db_engine, [outcome(0)])
    assert read(db_engine, job, cutoff=cutoff) == before
    assert [row.correct for row in before] == [1.0, 0.5]
    assert [row.correct for row in read(db_engine, job)] == [0.0, 1.0, 1.0]


def test_news_are_outcomes_that_got_a_label_since(db_engine: Engine) -> None:
    job = store(db_engine, [outcome(0), outcome(1, correct=None), outcome(2)])
    since = now(db_engine)
    assert (news(db_engine, job, since=None), news(db_engine, job, since=since)) == (2, 0)
    with session_scope(db_engine) as session:
        for seq, correct in ((0, 0.0), (0, 1.0), (1, 1.0)):  # of the first twice, which is news once
            label(session, job_id=job.id, seq=seq, arm=job.strategy_ids[0], source="person", correct=correct)
    until = now(db_engine)
    store(db_engine, [outcome(0), outcome(1, correct=None)])
    assert news(db_engine, job, since=since, cutoff=until) == 2
    assert (news(db_engine, job, since=since), news(db_engine, job, since=None)) == (3, 4)
    assert news(db_engine, job, since=now(db_engine)) == 0


def test_a_moment_is_settled_when_nothing_before_it_can_still_be_stored(db_engine: Engine) -> None:
    with session_scope(db_engine) as slow:
        began = read_clock(slow)
        build_job(slow, tasks=1)  # has a number now, and may store outcomes
        with session_scope(db_engine) as session:
            assert read_settled_moment(session) <= began
    with session_scope(db_engine) as session:
        assert read_settled_moment(session) > began


SAID = st.tuples(st.integers(0, 3), st.sampled_from(["person", "judge", "grader"]), st.sampled_from([0.0, 0.25, 1.0]))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
@given(said=st.lists(SAID, max_size=12), looked=st.integers(0, 12))
def test_precedence_is_that_of_what_had_been_said(
    db_engine: Engine, said: list[tuple[int, str, float]], looked: int
) -> None:
    job = store(db_engine, [outcome(seq, correct=0.5) for seq in range(4)])
    arm, cutoff = job.strategy_ids[0], now(db_engine)
    for place, (seq, source, correct) in enumerate(said):
        with session_scope(db_engine) as session:
            label(session, job_id=job.id, seq=seq, arm=arm, source=source, correct=correct)
        cutoff = now(db_engine) if place < looked else cutoff
    heard = said[:looked]
    expected = []
    for seq in range(4):
        own = [(source, correct) for about, source, correct in heard if about == seq]
        first = next((name for name in ("person", "judge", "grader") if name in dict(own)), None)
        expected.append(0.5 if first is None else [correct for source, correct in own if source == first][-1])
    latest = [row.correct for row in read(db_engine, job, cutoff=cutoff) if row.job_id == job.id]
    assert latest == pytest.approx(expected)
