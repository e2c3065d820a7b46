"""Keeps a training request claimed while it is trained, so that a trainer which is lost is missed within a minute."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from sqlalchemy import Engine as Database
from sqlalchemy.exc import SQLAlchemyError

from db.session import run_in_transaction
from db.training_requests import extend_request
from worker.owner import name_owner

logger = logging.getLogger(__name__)

BEATS = 4  # in the length of a lease: threads of a training may keep this one waiting


@contextmanager
def keep_request(database: Database, *, request_id: int, lease_seconds: float) -> Iterator[None]:
    """Extend this process's claim until the block ends. One that is lost is trained twice, which does no harm."""
    stopped = threading.Event()
    extend = partial(extend_request, request_id=request_id, owner=name_owner(), lease_seconds=lease_seconds)

    def beat() -> None:
        while not stopped.wait(lease_seconds / BEATS):
            try:
                kept = run_in_transaction(database, extend)
            except SQLAlchemyError as error:  # the next beat may find the database back
                logger.warning("training request %d: its lease was not extended: %s", request_id, error)
                continue
            if not kept:
                logger.warning("training request %d: another trainer has it by now", request_id)
                return

    beating = threading.Thread(target=beat, name="training-lease", daemon=True)
    beating.start()
    try:
        yield
    finally:
        stopped.set()
        beating.join()
