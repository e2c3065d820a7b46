"""Our own system in the queue's bench: a producer, a router worker, engine workers, Postgres and Redis, each a process."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg
from sqlalchemy import Engine as Database
from sqlalchemy import create_engine, text

from bench.process_use import ProcessUse, list_tree, read_use
from bench.queue_job import ENGINE, STRATEGY_FILE, Enqueued
from db.invariants import find_violations
from db.jobs import Job, read_job
from db.progress import read_progress
from db.session import session_scope
from db.states import FINAL_STATES
from worker.producer import ring_once
from worker.local_workers import LocalWorker, run_workers
from worker.queues import RECONCILER, ROUTER, engine_queue
from worker.redis import run_redis
from worker.settings import Settings, give_environment

CHECKOUT = Path(__file__).resolve().parent.parent
PATIENCE_SECONDS = 60.0  # without a new answer
LOOK_SECONDS = 0.2
EXTRA = {}
STATUS_LOOKS = 5


@dataclass(frozen=True, kw_only=True)
class OwnRates:
    """What our system did with a job."""

    tasks: int
    enqueue_seconds: float
    settle_seconds: float  # from the ring of the router to the last answer
    status_seconds: float  # the median look at the finished job
    use: Mapping[str, ProcessUse]  # by process; that of all of Postgres's is one

    @property
    def settled_per_second(self) -> float:
        """The rate from route to settled."""
        return self.tasks / self.settle_seconds


def measure_own(tasks: int, *, server_url: str, folder: Path, engine_workers: int) -> OwnRates:
    """Store a job, let workers that wait for it answer it, and look at it."""
    strategies = folder / "strategies.yaml"
    strategies.write_text(STRATEGY_FILE, encoding="utf-8")
    with run_redis() as redis, _connected(server_url) as database:
        settings = Settings(
            database_url=server_url,
            broker_url=redis.url,
            strategies=strategies,
            data_directory=folder / "unused",
            cache_directory=folder / "cache",
            **EXTRA,
        )
        queues = {"brain": [ROUTER, RECONCILER]}
        queues |= {f"engine {number}": [engine_queue(ENGINE)] for number in range(1, engine_workers + 1)}
        with run_workers(settings, queues=queues, log_directory=folder) as workers:
            _wait_until_ready(workers)
            before = {worker.name: read_use(worker.process.pid) for worker in workers}
            idle_seconds = _sum_postgres(database).cpu_seconds
            enqueued = _enqueue(settings, tasks=tasks)
            before |= {"producer": enqueued.use, "redis": read_use(redis.pid), "postgres": _sum_postgres(database)}
            stored_seconds = before["postgres"].cpu_seconds
            with session_scope(database) as session:
                rung_at = session.execute(text("SELECT clock_timestamp()")).scalar_one()
            ring_once(settings, ROUTER)
            _wait_for_end(database, job_id=enqueued.job_id)
            use = {worker.name: read_use(worker.process.pid) for worker in workers}
            use |= {"producer": enqueued.use, "redis": read_use(redis.pid), "postgres": _sum_postgres(database)}
            for k in use:
                print(k, "cpu of run", round((use[k].cpu_seconds - before[k].cpu_seconds) / tasks * 1e6, 1), "us/task")
        print(f"postgres: {stored_seconds - idle_seconds:.1f} s of processor for storing")
        with session_scope(database) as session:
            last = "SELECT extract(epoch FROM max(created_at) - :rung_at)::float8 FROM outcome WHERE job_id = :job_id"
            names = {"rung_at": rung_at, "job_id": enqueued.job_id}
            settle_seconds = session.execute(text(last), names).scalar_one()
            assert not find_violations(session)
    return OwnRates(
        tasks=tasks,
        enqueue_seconds=enqueued.seconds,
        settle_seconds=settle_seconds,
        status_seconds=0.0,
        use=use,
    )


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
    environ = give_environment(settings)
    said = subprocess.run(command, cwd=CHECKOUT, env=environ, stdout=subprocess.PIPE, text=True, check=True).stdout
    answer = json.loads(said)
    return Enqueued(**{**answer, "use": ProcessUse(**answer["use"])})


def _wait_until_ready(workers: Sequence[LocalWorker]) -> None:
    """Until each of their roles says that it is."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    for worker in workers:
        while ": ready" not in worker.log.read_text(encoding="utf-8"):
            assert worker.process.poll() is None, worker.log.read_text(encoding="utf-8")
            assert time.monotonic() < deadline, f"{worker.name} is not ready"
            time.sleep(LOOK_SECONDS)


def _wait_for_end(database: Database, *, job_id: int) -> Job:
    settled, changed = 0, time.monotonic()
    while True:
        time.sleep(LOOK_SECONDS)
        with session_scope(database) as session:
            job, now = read_job(session, job_id=job_id), read_progress(session, job_id=job_id).outcomes
        if job.state in FINAL_STATES:
            return job
        if now > settled:
            settled, changed = now, time.monotonic()
        elif time.monotonic() - changed > PATIENCE_SECONDS:
            raise RuntimeError(f"{settled} of {job.task_count} tasks were settled, and no more")


def _sum_postgres(database: Database) -> ProcessUse:
    """All processes of the server: memory of the largest."""
    with database.connect() as connection:
        backend = connection.connection.driver_connection
        assert isinstance(backend, psycopg.Connection)
        uses = [read_use(pid) for pid in list_tree(psutil.Process(backend.info.backend_pid).ppid())]
    return ProcessUse(
        peak_rss_mib=max(use.peak_rss_mib for use in uses),
        uss_mib=max(use.uss_mib for use in uses),
        cpu_seconds=sum(use.cpu_seconds for use in uses),
    )
