"""The producer's side of training: asks a trainer, and waits until it has trained."""

import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial

from sqlalchemy.orm import Session

from db.clock import read_settled_moment
from db.predictors import StoredPredictor, read_newest, read_version
from db.session import run_in_transaction, session_scope
from db.training_requests import is_finished, read_error, request_training
from db.workers import list_served_queues
from router.figures import Fallback, TrainingFigures
from worker.bootstrap import Workshop
from worker.errors import NothingToTrain
from worker.lesson import Lesson
from worker.producer import ring_once
from worker.progress import Progress, Stage
from worker.queues import TRAINER
from worker.submission import TENANT
from worker.training_due import read_standings
from worker.training_job import Trained, leave_alone

LOOK_SECONDS = 0.5


def has_trainer(workshop: Workshop) -> bool:
    """Whether a trainer is at work, so that it can be asked instead of training here."""
    if not workshop.settings.has_workers:
        return False
    with session_scope(workshop.database) as session:
        return TRAINER in list_served_queues(session)


def ask_trainer(
    workshop: Workshop, *, lesson: Lesson, draining: threading.Event, tell: Callable[[str], None]
) -> list[Trained] | None:
    """What a trainer made of the workshop's strategies; None when we were asked to stop waiting, and it goes on.

    NothingToTrain as where training is done here.
    """
    workshop.watch(Progress(stage=Stage.TRAINING))
    before = run_in_transaction(workshop.database, partial(_read_newest, workshop))
    request = partial(request_training, tenant_id=TENANT, scope=lesson.scope, cutoff=lesson.cutoff)
    request_id = run_in_transaction(workshop.database, request)
    ring_once(workshop.settings, TRAINER)
    if not _wait_for(workshop, request_id, draining=draining, tell=tell):
        return None
    with session_scope(workshop.database) as session:
        if (error := read_error(session, request_id=request_id)) is not None:
            raise NothingToTrain(error)
        trained = _list_trained(session, workshop, before=before, cutoff=lesson.cutoff)
    if unknown := [name for name in workshop.pool.names if name not in {row.strategy for row in trained}]:
        tell(
            f"{', '.join(unknown)} can not be predicted yet: there are no graded outcomes, or the trainer has another "
            "strategy file in its APPORTION_STRATEGIES"
        )
    return trained


def _wait_for(workshop: Workshop, request_id: int, *, draining: threading.Event, tell: Callable[[str], None]) -> bool:
    told = False
    while not draining.is_set():
        with session_scope(workshop.database) as session:
            if is_finished(session, request_id=request_id):
                return True
            missing = TRAINER not in list_served_queues(session)
        if missing and not told:
            tell("the trainer is not there any more: another one takes over, or Ctrl-C and the same command train here")
        told = missing
        draining.wait(LOOK_SECONDS)
    return False


def _read_newest(workshop: Workshop, session: Session) -> Mapping[int, StoredPredictor]:
    return read_newest(session, strategy_ids=workshop.strategy_ids, encoder=workshop.encoder.name)


def _list_trained(
    session: Session, workshop: Workshop, *, before: Mapping[int, StoredPredictor], cutoff: datetime | None
) -> list[Trained]:
    """What was made of every strategy that has a predictor, and how those stand that there is no new one of."""
    ids, encoder = workshop.strategy_ids, workshop.encoder.name
    newest = _read_newest(workshop, session)
    cutoff = read_settled_moment(session) if cutoff is None else cutoff
    standings = read_standings(session, strategy_ids=ids, encoder=encoder, cutoff=cutoff)
    return [
        _describe_new(session, name, newest[key])
        if key not in before or before[key].id != newest[key].id
        else leave_alone(name, standings[key])
        for key, name in zip(ids, workshop.pool.names, strict=True)
        if key in newest
    ]


def _describe_new(session: Session, name: str, version: StoredPredictor) -> Trained:
    stored = version.meta["figures"]
    figures = TrainingFigures(**{**stored, "fallback": Fallback(stored["fallback"])})
    state = read_version(session, tenant_id=TENANT, predictor_id=version.id).state
    return Trained(strategy=name, outcomes=figures.outcomes, figures=figures, state=state)
