"""Our own system in the queue's bench: producer, router worker, engine workers, Postgres and Redis, processes all."""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import psycopg
from rich.console import Console
from sqlalchemy import Engine as Database
from sqlalchemy import create_engine, text

from bench.process_use import ProcessUse, read_use, sum_server
from bench.queue_job import ENGINE, STRATEGY_FILE, Enqueued
from db.invariants import find_violations
from db.jobs import read_job
from db.progress import read_progress
from db.session import session_scope
from db.states import FINAL_STATES
from gateway.commands.show_status import show_job
from worker.local_workers import LocalWorker, run_workers
from worker.producer import ring_once
from worker.queues import RECONCILER, ROUTER, engine_queue
from worker.redis import PrivateRedis, run_redis
from worker.settings import Settings, give_environment

CHECKOUT = Path(__file__).resolve().parent.parent
ENGINE_WORKERS = 2  # on two cores: Postgres and the router leave each a third of one more, which one could not use
PATIENCE_SECONDS = 120.0  # without a new answer
LOOK_SECONDS = 0.5
STATUS_LOOKS = 9


@dataclass(frozen=True, kw_only=True)
class OwnRates:
    """What our system did with a job."""

    tasks: int
    enqueue_seconds: float
    settle_seconds: float  # from the ring of the router to the last answer
    status_seconds: float  # the median look at the job, when all is settled
    violations: int  # of the database's invariants
    store_cpu: Mapping[str, float]  # seconds of processor, by process
    settle_cpu: Mapping[str, float]
    use: Mapping[str, ProcessUse]  # by process; of Postgres's the largest

    @property
    def settled_per_second(self) -> float:
        """The rate from route to settled."""
        return self.tasks / self.settle_seconds


@dataclass(frozen=True, kw_only=True, eq=False)
class _Running:
    """The system at work."""

    settings: Settings
    database: Database
    redis: PrivateRedis
    workers: Sequence[LocalWorker]

    def use(self) -> dict[str, ProcessUse]:
        """Of each process, up to now."""
        use = {worker.name: read_use(worker.process.pid) for worker in self.workers}
        return use | {"redis": read_use(self.redis.pid), "postgres": _sum_postgres(self.database)}


def measure_own(tasks: int, *, server_url: str, folder: Path) -> OwnRates:
    """Store a job, let workers that wait for it answer it, and look at it."""
    with _run_system(server_url, folder=folder) as system:
        before = system.use()
        enqueued = _enqueue(system.settings, tasks=tasks)
        stored = system.use()
        began = _read_clock(system.database)
        ring_once(system.settings, ROUTER)
        _wait_for_end(system.database, job_id=enqueued.job_id)
        status_seconds = statistics.median(
            _time_status(system.database, job_id=enqueued.job_id) for _ in range(STATUS_LOOKS)
        )
        use = system.use()
    with _connected(server_url) as database, session_scope(database) as session:
        last = text("SELECT extract(epoch FROM max(created_at))::float8 FROM outcome WHERE job_id = :job_id")
        ended = session.execute(last, {"job_id": enqueued.job_id}).scalar_one()
        violations = len(find_violations(session))
    return OwnRates(
        tasks=tasks,
        enqueue_seconds=enqueued.seconds,
        settle_seconds=ended - began,
        status_seconds=status_seconds,
        violations=violations,
        store_cpu={"producer": enqueued.cpu_seconds, **_subtract(stored, before)},
        settle_cpu=_subtract(use, stored),
        use={"producer": enqueued.use, **use},
    )


@contextmanager
def _run_system(server_url: str, *, folder: Path) -> Iterator[_Running]:
    """Workers that wait for a job; drained at the end."""
    strategies = folder / "strategies.yaml"
    strategies.write_text(STRATEGY_FILE, encoding="utf-8")
    queues = {"router": [ROUTER, RECONCILER]}
    queues |= {f"engine-{number}": [engine_queue(ENGINE)] for number in range(1, ENGINE_WORKERS + 1)}
    with run_redis() as redis, _connected(server_url) as database:
        settings = Settings(
            database_url=server_url,
            broker_url=redis.url,
            strategies=strategies,
            data_directory=folder / "unused",
            cache_directory=folder / "cache",
        )
        with run_workers(settings, queues=queues, log_directory=folder) as workers:
            _wait_until_ready(workers)
            yield _Running(settings=settings, database=database, redis=redis, workers=workers)


@contextmanager
def _connected(url: str) -> Iterator[Database]:
    database = create_engine(url)
    try:
        yield database
    finally:
        database.dispose()


def _enqueue(settings: Settings, *, tasks: int) -> Enqueued:
    """In a process of its own, whose memory is looked at as well."""
    command = [sys.executable, "-m", "bench.queue_job", str(tasks)]
    environ = give_environment(settings, os.environ)
    done = subprocess.run(command, cwd=CHECKOUT, env=environ, stdout=subprocess.PIPE, text=True, check=True)
    said = json.loads(done.stdout)
    return Enqueued(**{**said, "use": ProcessUse(**said["use"])})


def _wait_until_ready(workers: Sequence[LocalWorker]) -> None:
    """Until each of their roles says that it is."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    for worker in workers:
        while ": ready" not in worker.log.read_text(encoding="utf-8"):
            assert worker.process.poll() is None, worker.log.read_text(encoding="utf-8")
            assert time.monotonic() < deadline, f"{worker.name} is not ready"
            time.sleep(LOOK_SECONDS)


def _wait_for_end(database: Database, *, job_id: int) -> None:
    settled, changed = 0, time.monotonic()
    while True:
        time.sleep(LOOK_SECONDS)
        with session_scope(database) as session:
            job, now = read_job(session, job_id=job_id), read_progress(session, job_id=job_id).outcomes
        if job.state in FINAL_STATES:
            assert now == job.task_count, f"{job.task_count - now} tasks of {job.task_count} have no answer"
            return
        if now > settled:
            settled, changed = now, time.monotonic()
        elif time.monotonic() - changed > PATIENCE_SECONDS:
            raise RuntimeError(f"{settled} of {job.task_count} tasks were settled, and no more")


def _time_status(database: Database, *, job_id: int) -> float:
    """What `apportion status JOB` does once it is connected."""
    started = time.monotonic()
    show_job(Console(file=StringIO()), database, job_id=job_id)
    return time.monotonic() - started


def _read_clock(database: Database) -> float:
    with session_scope(database) as session:
        return float(session.execute(text("SELECT extract(epoch FROM clock_timestamp())::float8")).scalar_one())


def _sum_postgres(database: Database) -> ProcessUse:
    """All processes of the server."""
    with database.connect() as connection:
        backend = connection.connection.driver_connection
        assert isinstance(backend, psycopg.Connection)
        return sum_server(backend.info.backend_pid)


def _subtract(after: Mapping[str, ProcessUse], before: Mapping[str, ProcessUse]) -> dict[str, float]:
    return {name: use.cpu_seconds - before[name].cpu_seconds for name, use in after.items()}
