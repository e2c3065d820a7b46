"""Trainings that nobody has to ask for: when enough labels are new, and when a day has passed with any."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from sqlalchemy.orm import Session

from db.clock import read_settled_moment
from db.session import run_in_transaction
from db.states import TrainingScope
from db.training_requests import has_unfinished_request, lock_requests, request_training
from worker.bootstrap import Workshop
from worker.submission import TENANT
from worker.training_due import read_standings


def call_for_training(workshop: Workshop) -> TrainingScope | None:
    """The scope of a new request; None where nothing is due, or a request is under way."""
    period = timedelta(seconds=workshop.settings.train_seconds)
    call = partial(_call, strategy_ids=workshop.strategy_ids, encoder=workshop.encoder.name, period=period)
    return run_in_transaction(workshop.database, call)


def _call(session: Session, *, strategy_ids: Sequence[int], encoder: str, period: timedelta) -> TrainingScope | None:
    now = read_settled_moment(session)
    lock_requests(session, tenant_id=TENANT)  # another trainer may look at the same moment
    if has_unfinished_request(session):
        return None
    standings = read_standings(session, strategy_ids=strategy_ids, encoder=encoder, cutoff=now).values()
    if any(standing.is_due(TrainingScope.ENOUGH) for standing in standings):
        scope = TrainingScope.ENOUGH
    elif any(standing.is_overdue(before=now - period) for standing in standings):
        scope = TrainingScope.NEWS
    else:
        return None
    request_training(session, tenant_id=TENANT, scope=scope)
    return scope
