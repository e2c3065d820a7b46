"""The whole distributed system on one bare machine: private Postgres and Redis, and workers; what dies starts again."""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from worker.errors import WorkersFailed
from worker.local_workers import LocalWorker, run_workers, start_worker
from worker.migration import migrate
from worker.postgres.server import EmbeddedPostgres
from worker.postgres.server_user import last_lines
from worker.redis.server import PrivateRedis, run_redis
from worker.settings import Settings, give_environment

logger = logging.getLogger(__name__)

EARLY_SECONDS = 60.0  # a worker that ends sooner has not come far
MAX_EARLY_ENDS = 3  # in a row


class LocalSystem:
    """What runs, and a look after it."""

    def __init__(
        self,
        settings: Settings,
        *,
        postgres: EmbeddedPostgres,
        redis: PrivateRedis,
        queues: Mapping[str, Sequence[str]],
        workers: list[LocalWorker],
    ) -> None:
        self.settings = settings  # under which commands are producers of this system
        self.workers = workers
        self.redis = redis
        self._postgres, self._queues = postgres, queues
        self._started = {worker.name: time.monotonic() for worker in workers}
        self._early_ends: dict[str, int] = {}

    @property
    def environment(self) -> dict[str, str]:
        """Of a command that is a producer of this system."""
        return give_environment(self.settings)

    def revive(self) -> None:
        """Start again whatever has ended; WorkersFailed for a worker that does nothing but end."""
        self._postgres.start()
        self.redis.start()
        for position, worker in enumerate(self.workers):
            if worker.process.poll() is not None:
                self.workers[position] = self._replace(worker)

    def _replace(self, ended: LocalWorker) -> LocalWorker:
        is_early = time.monotonic() - self._started[ended.name] < EARLY_SECONDS
        self._early_ends[ended.name] = self._early_ends.get(ended.name, 0) + 1 if is_early else 0
        code = ended.wait()
        if self._early_ends[ended.name] >= MAX_EARLY_ENDS:
            said = last_lines(ended.log.read_text(errors="replace"))
            raise WorkersFailed(
                f"worker {ended.name} ended {MAX_EARLY_ENDS} times, last with exit code {code}. It said:\n{said}"
            )
        logger.warning("worker %s ended with exit code %d: starting it again", ended.name, code)
        self._started[ended.name] = time.monotonic()
        return start_worker(
            ended.name, queues=self._queues[ended.name], environ=self.environment, log_directory=ended.log.parent
        )


@contextmanager
def run_local_system(
    settings: Settings, *, queues: Mapping[str, Sequence[str]], log_directory: Path
) -> Iterator[LocalSystem]:
    """Servers, and workers by name, for as long as the block lasts; at its end the workers drain."""
    postgres = EmbeddedPostgres(settings.data_directory)
    with postgres as database_url, run_redis() as redis:
        migrate(database_url)
        own = replace(settings, database_url=database_url, broker_url=redis.url)
        with run_workers(own, queues=queues, log_directory=log_directory) as workers:
            yield LocalSystem(own, postgres=postgres, redis=redis, queues=queues, workers=workers)
