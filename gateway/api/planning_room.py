"""Where plans are made for whoever asks over HTTP: one at a time, by models that are loaded when first needed."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine as Database

from db.session import run_in_transaction
from gateway.api.errors import NotTrained, Unavailable
from router.warm_up import compile_kernels
from worker.bootstrap import Workshop
from worker.errors import NothingServes, UntrainedStrategies
from worker.pool import load_pool, register_pool
from worker.settings import Settings
from worker.submission import TENANT

MOST_PLANS = 4  # at a time; whoever waits keeps a thread from all other endpoints


class PlanningRoom:
    """Holds the workshop of the server's strategy file."""

    def __init__(self, settings: Settings, *, database: Database, strategy_file: Path) -> None:
        self._settings, self._database, self._strategy_file = settings, database, strategy_file
        self._places = threading.BoundedSemaphore(MOST_PLANS)
        self._lock = threading.Lock()
        self._workshop: Workshop | None = None

    @contextmanager
    def take_place(self) -> Iterator[None]:
        """A place among those who are planned for or wait for it; Unavailable when there is none."""
        if not self._places.acquire(blocking=False):
            raise Unavailable(f"{MOST_PLANS} plans are being made, or wait: try again in a moment")
        try:
            yield
        finally:
            self._places.release()

    @contextmanager
    def enter(self) -> Iterator[Workshop]:
        """The workshop, which nobody else plans in during the block; NotTrained where it can plan nothing."""
        with self._lock:
            if self._workshop is None:
                self._workshop = self._open()
            try:
                yield self._workshop
            except UntrainedStrategies as error:
                raise NotTrained(str(error), param="model") from None
            except NothingServes as error:
                raise NotTrained(str(error), param="model", code="nothing_serves") from None

    def _open(self) -> Workshop:
        pool = load_pool(self._strategy_file, cache_directory=self._settings.cache_directory)
        compile_kernels()
        strategy_ids = run_in_transaction(
            self._database, lambda session: register_pool(session, tenant_id=TENANT, pool=pool)
        )
        return Workshop(
            settings=self._settings,
            database=self._database,
            pool=pool,
            strategy_ids=strategy_ids,
            watch=lambda _: None,
        )
