"""Prints what other queues do with tasks that need no model: Celery, celery-batches and procrastinate.

    python -m bench.queue_peers [--quick] [--json]

All tasks are queued first, then workers are started; each task ends as one committed row in Postgres. Redis and
Postgres are started for this. The rate is that from the first row to the last: starting the workers does not count.
"""

import argparse
import dataclasses
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from pathlib import Path

import psycopg
from procrastinate import SyncPsycopgConnector
from procrastinate.types import JSONValue
from psycopg import sql

from bench.queue_peer_celery import BATCH_TASKS
from bench.queue_peer_celery import app as celery_app
from bench.queue_peer_procrastinate import AT_ONCE
from bench.queue_peer_procrastinate import app as procrastinate_app
from bench.queue_peer_rows import COUNT, DATABASE_URL, MAKE_TABLE, RATE
from worker.postgres import EmbeddedPostgres
from worker.redis import run_redis

CHECKOUT = Path(__file__).resolve().parent.parent
PAYLOAD = "x" * 400
CELERY_PROCESSES = 4  # on two cores: they wait for commits. 8 and 16 are no faster, and threads are slower
PROCRASTINATE_PROCESSES = 2  # each with many tasks at once; one is no slower
PATIENCE_SECONDS = 30.0  # without a new row a peer has lost its tasks
DEFERRED_TOGETHER = 1000
DATABASE = "peers"


@dataclasses.dataclass(frozen=True, kw_only=True)
class PeerRate:
    """How fast one peer was, in tasks a second."""

    name: str
    tasks: int
    enqueued_per_second: float
    settled_per_second: float


def measure_plain_celery(tasks: int, *, server_url: str) -> PeerRate:
    """Celery with one message and one commit a task."""
    return _measure_celery(f"Celery {version('celery')}", "peer.answer", tasks, server_url=server_url)


def measure_celery_batches(tasks: int, *, server_url: str) -> PeerRate:
    """Celery with one message a task, run and committed 500 at a time; `tasks` is a multiple of that."""
    assert tasks % BATCH_TASKS == 0, "a batch that is not full waits for its time"
    name = f"celery-batches {version('celery-batches')}"
    return _measure_celery(name, "peer.answer_batch", tasks, server_url=server_url)


def measure_procrastinate(tasks: int, *, server_url: str) -> PeerRate:
    """procrastinate: a row of the queue and one commit a task; a thousand are queued with each statement."""
    with (
        _peer_database(server_url) as url,
        procrastinate_app.replace_connector(SyncPsycopgConnector(conninfo=url)) as app,
        app.open(),
    ):
        app.schema_manager.apply_schema()
        deferrer = app.configure_task("answer")
        started = time.monotonic()
        for low in range(0, tasks, DEFERRED_TOGETHER):
            numbers = range(low, min(low + DEFERRED_TOGETHER, tasks))
            arguments: list[dict[str, JSONValue]] = [{"task_id": number, "payload": PAYLOAD} for number in numbers]
            deferrer.batch_defer(*arguments)
        enqueue_seconds = time.monotonic() - started
        command = ["procrastinate", "--app=bench.queue_peer_procrastinate.app", "--log-level=warning"]
        command += ["worker", f"--concurrency={AT_ONCE}"]
        with ExitStack() as workers:
            for _ in range(PROCRASTINATE_PROCESSES):
                workers.enter_context(_running(command, url))
            settled_per_second = _wait_for_rows(url, tasks)
    return PeerRate(
        name=f"procrastinate {version('procrastinate')}",
        tasks=tasks,
        enqueued_per_second=tasks / enqueue_seconds,
        settled_per_second=settled_per_second,
    )


def _measure_celery(name: str, task: str, tasks: int, *, server_url: str) -> PeerRate:
    with _peer_database(server_url) as url, run_redis() as redis:
        with celery_app.connection_for_write(redis.url) as connection, connection.Producer() as producer:
            started = time.monotonic()
            for number in range(tasks):
                celery_app.send_task(task, (number, PAYLOAD), producer=producer)
            enqueue_seconds = time.monotonic() - started
        command = ["celery", "-A", "bench.queue_peer_celery", "-b", redis.url, "worker"]
        command += [f"--concurrency={CELERY_PROCESSES}", "--loglevel=error"]
        command += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        with _running(command, url):
            settled_per_second = _wait_for_rows(url, tasks)
    return PeerRate(
        name=name, tasks=tasks, enqueued_per_second=tasks / enqueue_seconds, settled_per_second=settled_per_second
    )


@contextmanager
def _peer_database(server_url: str) -> Iterator[str]:
    """An empty database of its own, with the table of results."""
    name = sql.Identifier(DATABASE)
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
        url = psycopg.conninfo.make_conninfo(server_url, dbname=DATABASE)
        try:
            with psycopg.connect(url) as own:
                own.execute(MAKE_TABLE)
            yield url
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@contextmanager
def _running(command: Sequence[str], database_url: str) -> Iterator[None]:
    """A peer's own worker command, from its start until it has ended in order."""
    python = [sys.executable, "-W", "ignore", "-m"]  # Celery warns of root, where root runs this
    environment = os.environ | {DATABASE_URL: database_url}
    with subprocess.Popen([*python, *command], cwd=CHECKOUT, env=environment, stdout=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()


def _wait_for_rows(url: str, tasks: int) -> float:
    """The rate at which all tasks were settled, by the database's clock."""
    with psycopg.connect(url, autocommit=True) as connection:
        settled, changed = 0, time.monotonic()
        while settled < tasks:
            time.sleep(0.1)
            ((now,),) = connection.execute(COUNT)
            if now > settled:
                settled, changed = now, time.monotonic()
            elif time.monotonic() - changed > PATIENCE_SECONDS:
                raise RuntimeError(f"{settled} of {tasks} tasks were settled, and no more for {PATIENCE_SECONDS:g} s")
        ((rate,),) = connection.execute(RATE)
    return float(rate)


PEERS: dict[str, Callable[..., PeerRate]] = {
    "celery": measure_plain_celery,
    "celery-batches": measure_celery_batches,
    "procrastinate": measure_procrastinate,
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a fifth of the tasks")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="apportion-bench-"))
    folder.chmod(0o755)  # where root runs this, the database's own user has to pass through
    sizes = {"celery": 5_000, "celery-batches": 10_000, "procrastinate": 2_500}
    try:
        with EmbeddedPostgres(folder / "postgres") as server_url:
            rates = [
                PEERS[name](size // 5 if arguments.quick else size, server_url=server_url)
                for name, size in sizes.items()
            ]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print("peer                        tasks   enqueued a second   settled a second")
    for rate in rates:
        print(f"{rate.name:<24}{rate.tasks:>9,}{rate.enqueued_per_second:>20,.0f}{rate.settled_per_second:>19,.0f}")
    if arguments.json:
        print(json.dumps({"peers": [dataclasses.asdict(rate) for rate in rates]}))


if __name__ == "__main__":
    main()
