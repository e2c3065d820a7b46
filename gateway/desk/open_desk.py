"""Builds the desk of a server, and, where no broker is named, the roles that answer: this machine does all of it."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace

from gateway.bootstrap import build_file_store
from gateway.desk.desk import Desk
from gateway.desk.training_clerk import TrainingClerk
from worker.bootstrap import Workshop, open_workshop
from worker.errors import SettingError
from worker.queues import RECONCILER, ROUTER, engine_queue
from worker.settings import Settings
from worker.station import Station
from worker.station_bootstrap import open_station

logger = logging.getLogger(__name__)

FAILED = 1  # exit code: whoever keeps the desk starts another


def run_desk(settings: Settings, *, stopping: threading.Event) -> int:
    """The exit code of a desk that worked until it was asked to stop, or until a role of its own failed."""
    if settings.strategies is None:
        raise SettingError("a desk needs the strategy file: name it in APPORTION_STRATEGIES")
    failed = threading.Event()

    def end() -> None:
        failed.set()
        stopping.set()

    with open_workshop(settings, strategy_file=settings.strategies, watch=lambda _: None) as workshop:
        answering = nullcontext() if settings.has_workers else _work_here(workshop, stopping=stopping, on_failed=end)
        with answering:
            logger.info("at work")
            Desk(workshop, build_file_store(settings)).run(stopping)
    return FAILED if failed.is_set() else 0


@contextmanager
def _work_here(workshop: Workshop, *, stopping: threading.Event, on_failed: Callable[[], None]) -> Iterator[None]:
    """A router, a reconciler and every engine of the strategy file, in threads of this process; trainings beside it."""
    url = workshop.database.url.render_as_string(hide_password=False)
    queues = [ROUTER, RECONCILER, *map(engine_queue, workshop.pool.models)]
    opened: list[Station] = []

    def ring(queue: str) -> None:
        for station in opened:
            station.wake(queue)

    settings = replace(workshop.settings, database_url=url)
    with open_station(settings, queues=queues, send_ring=ring, on_failed=on_failed) as station:
        opened.append(station)
        own = workshop.keep(range(len(workshop.strategy_ids)))  # with an encoder that nobody else waits for
        clerk = TrainingClerk(own, settings=settings)
        training = threading.Thread(target=clerk.run, args=(stopping,), name="training", daemon=True)
        training.start()
        yield
        training.join()
