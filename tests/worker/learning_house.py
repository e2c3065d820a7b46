"""Outcomes to learn from, as jobs of two strategies leave them, and the trainings of them."""

from collections.abc import Sequence

from sqlalchemy import Engine as Database
from sqlalchemy.orm import Session

from db.clock import read_settled_moment
from db.drift import NewAlarm, append_alarm
from db.outcome_rows import NewOutcome, Origin, insert_outcomes
from db.predictors import StoredPredictor, read_champions, read_newest
from db.session import run_in_transaction, session_scope
from db.states import JobKind, OutcomeSource
from db.tasks import copy_tasks
from tests.db.building import TENANT, build_job
from tests.worker.fake_night import make_pool, make_tasks
from worker.lesson import Lesson
from worker.pool import register_pool
from worker.task_encoder import TaskEncoder
from worker.training_due import Standing, read_standings
from worker.training_job import Trained, train_predictors


def register(database: Database) -> list[int]:
    """The ids of the strategies "small" and "large"."""
    return run_in_transaction(database, lambda session: register_pool(session, tenant_id=TENANT, pool=make_pool()))


def answer(
    database: Database,
    grades: Sequence[float | None],
    *,
    kind: JobKind = JobKind.CALIBRATION,
    propensity: float | None = None,
    tokens: int = 4,
    strategy: int = 0,
    first: int = 0,
) -> int:
    """The id of a job in which "small" answered as many tasks and got these grades; `strategy` 1 is "large".

    Jobs ask the same tasks again, but for those that begin with another one than the `first` of all.
    """
    strategy_id = register(database)[strategy]

    def store(session: Session) -> int:
        job = build_job(session, tasks=0, kind=kind)
        copy_tasks(session, job_id=job.id, tasks=make_tasks(first + len(grades))[first:])
        origin = Origin(
            tenant_id=TENANT,
            job_id=job.id,
            kind=kind,
            arm=0 if kind is JobKind.RUN else strategy_id,
            strategy_id=strategy_id,
            grp_id=None,
            fence=None,
            source=OutcomeSource.RECORDING,
        )
        outcomes = [make_outcome(seq, grade, propensity, tokens) for seq, grade in enumerate(grades)]
        insert_outcomes(session, outcomes=outcomes, origin=origin)
        return job.id

    return run_in_transaction(database, store)


def make_outcome(seq: int, correct: float | None, propensity: float | None, tokens: int) -> NewOutcome:
    """An answer of five prompt tokens."""
    return NewOutcome(
        seq=seq,
        answer="yes",
        prompt_tokens=5,
        output_tokens=tokens,
        cost=tokens,
        texts=("yes",),
        finish_reasons=("stop",),
        correct=correct,
        propensity=propensity,
    )


def alarm_about_small(database: Database, broken: str, *, outcomes: float, version_id: int) -> None:
    """As a look at settlements would raise it."""
    small = register(database)[0]
    alarm = NewAlarm(
        predictor_version_id=version_id,
        strategy_id=small,
        broken=broken,
        outcomes=outcomes,
        predicted=0.9,
        observed=0.5,
    )
    run_in_transaction(database, lambda session: append_alarm(session, alarm=alarm))


def train(database: Database, encoder: TaskEncoder, lesson: Lesson | None = None) -> list[Trained]:
    """One `apportion train` without its screen."""
    return train_predictors(
        database,
        pool=make_pool(),
        strategy_ids=register(database),
        encoder=encoder,
        watch=lambda _: None,
        lesson=lesson or Lesson(),
    )


def champion(database: Database, encoder: TaskEncoder) -> StoredPredictor:
    """What serves "small"."""
    small = register(database)[0]
    with session_scope(database) as session:
        return read_champions(session, strategy_ids=[small], encoder=encoder.name)[small]


def newest(database: Database, encoder: TaskEncoder) -> StoredPredictor:
    """What was trained last for "small", whether it serves or not."""
    small = register(database)[0]
    with session_scope(database) as session:
        return read_newest(session, strategy_ids=[small], encoder=encoder.name)[small]


def standing(database: Database, encoder: TaskEncoder) -> Standing:
    """That of "small"."""
    small = register(database)[0]
    with session_scope(database) as session:
        cutoff = read_settled_moment(session)
        return read_standings(session, strategy_ids=[small], encoder=encoder.name, cutoff=cutoff)[small]
