"""Trainings that nobody has to ask for: when enough labels are new, and when a day has passed with any."""

from collections.abc import Sequence
from functools import partial

from sqlalchemy.orm import Session

from db.clock import read_settled_moment
from db.session import run_in_transaction
from db.states import TrainingScope
from db.training_requests import has_unfinished_request, lock_requests, request_training, was_requested_within
from worker.bootstrap import Workshop
from worker.submission import TENANT
from worker.training_due import read_standings


def call_for_training(workshop: Workshop) -> TrainingScope | None:
    """The scope of a new request; None where nothing is due, or a request is under way."""
    encoder, period = workshop.encoder.name, workshop.settings.train_seconds
    call = partial(_call, strategy_ids=workshop.strategy_ids, encoder=encoder, period_seconds=period)
    return run_in_transaction(workshop.database, call)


def _call(
    session: Session, *, strategy_ids: Sequence[int], encoder: str, period_seconds: float
) -> TrainingScope | None:
    cutoff = read_settled_moment(session)
    lock_requests(session, tenant_id=TENANT)  # another trainer may look at the same moment
    if has_unfinished_request(session):
        return None
    standings = read_standings(session, strategy_ids=strategy_ids, encoder=encoder, cutoff=cutoff).values()
    for scope in (TrainingScope.ENOUGH, TrainingScope.NEWS):
        if scope is TrainingScope.NEWS and was_requested_within(session, seconds=period_seconds):
            return None
        if any(standing.is_due(scope) for standing in standings):
            request_training(session, tenant_id=TENANT, scope=scope)
            return scope
    return None
