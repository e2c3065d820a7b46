"""A trainer's turn: what it looks for now and then, and the training that somebody asked for."""

import logging
from functools import partial

from db.session import run_in_transaction
from db.training_requests import ClaimedRequest, claim_request, finish_request
from worker.bootstrap import Workshop
from worker.errors import CutoffAhead, NothingToTrain
from worker.lesson import Lesson
from worker.live_check import check_champions
from worker.low_priority import let_others_go_first
from worker.owner import name_owner
from worker.training_call import call_for_training
from worker.training_lease import keep_request
from worker.trial_sweep import sweep_trials

logger = logging.getLogger(__name__)

LEASE_SECONDS = 60.0  # kept while it trains: a trainer that is lost is missed after this
LOOK_SECONDS = 30.0  # between looks


def look_around(workshop: Workshop) -> None:
    """Ask for a training where one is due, judge trials, and look at champions on live outcomes."""
    call_for_training(workshop)
    sweep_trials(workshop.database)
    check_champions(workshop.database, strategy_ids=workshop.strategy_ids, encoder=workshop.encoder)


def train_next(workshop: Workshop) -> bool:
    """Whether a training had been asked for, and is done."""
    claim = partial(claim_request, owner=name_owner(), lease_seconds=LEASE_SECONDS)
    request = run_in_transaction(workshop.database, claim)
    if request is None:
        return False
    with keep_request(workshop.database, request_id=request.id, lease_seconds=LEASE_SECONDS):
        error = _train(workshop, request)
    run_in_transaction(workshop.database, partial(finish_request, request_id=request.id, error=error))
    return True


def _train(workshop: Workshop, request: ClaimedRequest) -> str | None:
    """Why it failed, where another try would fail as well."""
    from worker.training_job import train_predictors  # brings torch, which no other role needs

    let_others_go_first()
    try:
        trained = train_predictors(
            workshop.database,
            pool=workshop.pool,
            strategy_ids=workshop.strategy_ids,
            encoder=workshop.encoder,
            watch=workshop.watch,
            lesson=Lesson(scope=request.scope, cutoff=request.cutoff),
        )
    except (NothingToTrain, CutoffAhead) as error:
        logger.warning("training request %d: %s", request.id, error)
        return str(error)
    for row in trained:
        logger.info("training request %d: %s, %d outcomes", request.id, row.strategy, row.outcomes)
    return None
