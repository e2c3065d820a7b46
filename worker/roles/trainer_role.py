"""The trainer role: fits predictors when somebody asked for it, and when enough is new."""

import asyncio
import logging
import time
from collections.abc import Callable
from functools import partial

from db.session import run_in_transaction
from db.training_requests import ClaimedRequest, claim_request, finish_request
from worker.bootstrap import Workshop
from worker.errors import CutoffAhead, NothingToTrain
from worker.lesson import Lesson
from worker.low_priority import let_others_go_first
from worker.owner import name_owner
from worker.queues import TRAINER
from worker.training_call import call_for_training

logger = logging.getLogger(__name__)

# Longer than a training: a trainer that is lost is missed after this, and training twice does no harm.
LEASE_SECONDS = 1800.0
LOOK_SECONDS = 30.0  # between looks for new labels


class TrainerRole:
    """Trains until it is drained."""

    queue = TRAINER
    pause_seconds = 2.0

    def __init__(
        self, *, workshop: Workshop, is_draining: Callable[[], bool], now: Callable[[], float] = time.monotonic
    ) -> None:
        self._workshop = workshop
        self._is_draining = is_draining
        self._now = now
        self._look_at = now()

    async def open(self) -> None:
        """Nothing has to be made ready."""

    async def step(self) -> bool:
        """One training, if one was asked for or is due."""
        if self._is_draining():
            return False
        return await asyncio.to_thread(self._train_next)

    def has_finished(self) -> bool:
        """A step is a whole training."""
        return True

    async def close(self) -> None:
        """Nothing is held."""

    def _train_next(self) -> bool:
        database = self._workshop.database
        if self._now() >= self._look_at:
            self._look_at = self._now() + LOOK_SECONDS
            call_for_training(self._workshop)
        claim = partial(claim_request, owner=name_owner(), lease_seconds=LEASE_SECONDS)
        request = run_in_transaction(database, claim)
        if request is None:
            return False
        error = self._train(request)
        run_in_transaction(database, partial(finish_request, request_id=request.id, error=error))
        return True

    def _train(self, request: ClaimedRequest) -> str | None:
        """Why it failed, where another try would fail as well."""
        from worker.training_job import train_predictors  # brings torch, which no other role needs

        shop = self._workshop
        let_others_go_first()
        try:
            trained = train_predictors(
                shop.database,
                pool=shop.pool,
                strategy_ids=shop.strategy_ids,
                encoder=shop.encoder,
                watch=shop.watch,
                lesson=Lesson(scope=request.scope, cutoff=request.cutoff),
            )
        except (NothingToTrain, CutoffAhead) as error:
            logger.warning("training request %d: %s", request.id, error)
            return str(error)
        for row in trained:
            logger.info("training request %d: %s, %d outcomes", request.id, row.strategy, row.outcomes)
        return None
