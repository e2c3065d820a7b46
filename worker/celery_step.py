"""The step of Celery's worker that holds ours: started before it listens to its broker, stopped after."""

import logging
import sys
from contextlib import ExitStack
from typing import Any

from celery import bootsteps
from celery.concurrency.thread import TaskPool as ThreadPool
from celery.worker import state
from sqlalchemy.exc import OperationalError

from worker.celery_app import StationOf, ring
from worker.database import first_line
from worker.errors import WorkerError
from worker.settings import Settings
from worker.station_bootstrap import open_station

logger = logging.getLogger(__name__)

# They write two lines for each ring, and an idle engine rings its router every second.
TALKATIVE = ("celery.worker.strategy", "celery.app.trace")
FAILED = 1  # exit code: whoever keeps workers running starts another


def make_step(settings: Settings, *, station_of: StationOf) -> type[bootsteps.StartStopStep]:
    """The step for an application."""

    class StationStep(bootsteps.StartStopStep):
        """Opens a station for the queues that -Q names."""

        requires = ("celery.worker.components:Pool",)

        def start(self, parent: Any) -> None:
            self._opened = ExitStack()
            for name in TALKATIVE:
                logging.getLogger(name).setLevel(logging.WARNING)
            try:
                _require_threads(parent)
                station_of.station = self._opened.enter_context(
                    open_station(
                        settings,
                        queues=sorted(parent.app.amqp.queues.consume_from),
                        send_ring=lambda queue: ring(parent.app, queue),
                        on_failed=_end_worker,
                    )
                )
            except Exception as error:
                _refuse(error)

        def stop(self, parent: Any) -> None:
            self._opened.close()

        def terminate(self, parent: Any) -> None:
            self._opened.close()

    return StationStep


def _require_threads(worker: Any) -> None:
    """A forked child could not reach the engine of this process."""
    if worker.pool_cls is not ThreadPool:
        raise WorkerError("these workers work in threads: leave out -P (--pool), or say -P threads")


def _end_worker() -> None:
    """Ask Celery's loop to end; called from a role's thread."""
    state.should_stop = FAILED  # type: ignore[assignment]  # an exit code, which the stubs do not know


def _refuse(error: Exception) -> None:
    """Celery would print a traceback for what is only a mistake in a setting."""
    if isinstance(error, WorkerError):
        sys.exit(f"error: {error}")
    if isinstance(error, OperationalError):
        sys.exit(f"error: the database can not be used: {first_line(error)}")
    raise error
