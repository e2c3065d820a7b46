"""The trainer role: fits predictors when somebody asked for it."""

import asyncio
import logging
from collections.abc import Callable
from functools import partial

from db.session import run_in_transaction
from db.training_requests import claim_request, finish_request
from worker.bootstrap import Workshop
from worker.errors import NothingToTrain
from worker.owner import name_owner
from worker.queues import TRAINER

logger = logging.getLogger(__name__)

# Longer than a training: a trainer that is lost is missed after this, and training twice does no harm.
LEASE_SECONDS = 1800.0


class TrainerRole:
    """Trains until it is drained."""

    queue = TRAINER
    pause_seconds = 2.0

    def __init__(self, *, workshop: Workshop, is_draining: Callable[[], bool]) -> None:
        self._workshop = workshop
        self._is_draining = is_draining

    async def open(self) -> None:
        """Nothing has to be made ready."""

    async def step(self) -> bool:
        """One training, if one was asked for."""
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
        claim = partial(claim_request, owner=name_owner(), lease_seconds=LEASE_SECONDS)
        request_id = run_in_transaction(database, claim)
        if request_id is None:
            return False
        error = self._train(request_id)
        run_in_transaction(database, partial(finish_request, request_id=request_id, error=error))
        return True

    def _train(self, request_id: int) -> str | None:
        """Why it failed, where another try would fail as well."""
        from worker.training_job import train_predictors  # brings torch, which no other role needs

        shop = self._workshop
        try:
            trained = train_predictors(
                shop.database, pool=shop.pool, strategy_ids=shop.strategy_ids, encoder=shop.encoder, watch=shop.watch
            )
        except NothingToTrain as error:
            logger.warning("training request %d: %s", request_id, error)
            return str(error)
        for row in trained:
            logger.info("training request %d: %s, %d outcomes", request_id, row.strategy, row.outcomes)
        return None
