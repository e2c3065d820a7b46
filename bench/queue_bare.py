"""The bare pipeline of the queue's bench: the same rows in the same tables, and nothing else that a task costs.

Tables like ours in a schema of their own, with every index and check; workers that claim blocks of tasks and settle
each in the transaction that claims it. No predictions, routing, reservations, leases, retries or broker: what it does
is about the most that a machine's cores can do in Python and Postgres for one row read and one row written a task.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from bench.process_use import sum_server
from bench.queue_bare_worker import JOB_ID, TENANT, copy_rows
from bench.queue_job import write_lines
from bench.queue_peer_rows import DATABASE_URL
from db.copying import pack_bigint, pack_int, pack_text

CHECKOUT = Path(__file__).resolve().parent.parent
WORKERS = 2  # on two cores, as ours
BLOCK_TASKS = 2_000  # settled together

MAKE_TABLES = """
CREATE SCHEMA bare;
CREATE TABLE bare.task (LIKE public.task INCLUDING ALL);
CREATE TABLE bare.outcome (LIKE public.outcome INCLUDING ALL);
CREATE TABLE bare.block (id int PRIMARY KEY, first_seq int, last_seq int, taken boolean NOT NULL DEFAULT false);
CREATE TABLE bare.ledger (spent numeric(38, 0) NOT NULL);
INSERT INTO bare.ledger VALUES (0);
"""
DROP_TABLES = "DROP SCHEMA IF EXISTS bare CASCADE"
FILL_BLOCKS = """
INSERT INTO bare.block SELECT n, n * %(size)s, (n + 1) * %(size)s - 1
FROM generate_series(0, (%(tasks)s - 1) / %(size)s) AS n
"""
TASK_COLUMNS = ("tenant_id", "job_id", "seq", "custom_id", "payload")
READ_CLOCK = "SELECT extract(epoch FROM clock_timestamp())::float8"
READ_END = """
SELECT count(*), count(*) FILTER (WHERE correct = 1), sum(cost) = (SELECT spent FROM bare.ledger),
       extract(epoch FROM max(created_at))::float8
FROM bare.outcome
"""


@dataclass(frozen=True, kw_only=True)
class BareRate:
    """What the bare pipeline did with its tasks."""

    tasks: int
    store_seconds: float
    settle_seconds: float  # from the first claim to the last row
    workers_cpu: float  # seconds of processor, of all workers
    postgres_cpu: float

    @property
    def settled_per_second(self) -> float:
        """The rate from the first claim to the last row."""
        return self.tasks / self.settle_seconds


def measure_bare(tasks: int, *, server_url: str) -> BareRate:
    """Store so many tasks, and let workers that wait for them answer all; the database has our schema."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(DROP_TABLES)
        connection.execute(MAKE_TABLES)
        try:
            return _measure(connection, tasks, server_url=server_url)
        finally:
            connection.execute(DROP_TABLES)


def _measure(connection: psycopg.Connection, tasks: int, *, server_url: str) -> BareRate:
    store_seconds = _store(connection, tasks)
    pid = connection.info.backend_pid
    with _running(server_url) as workers:
        before = sum_server(pid).cpu_seconds
        ((began,),) = connection.execute(READ_CLOCK)
        for worker in workers:
            _tell(worker)
        workers_cpu = sum([float(_hear(worker)) for worker in workers])
        postgres_cpu = sum_server(pid).cpu_seconds - before
    ((settled, correct, adds_up, ended),) = connection.execute(READ_END)
    assert settled == correct == tasks, f"of {tasks} tasks {settled} were settled, {correct} of them right"
    assert adds_up, "the ledger is not the sum of what the tasks cost"
    return BareRate(
        tasks=tasks,
        store_seconds=store_seconds,
        settle_seconds=ended - began,
        workers_cpu=workers_cpu,
        postgres_cpu=postgres_cpu,
    )


def _store(connection: psycopg.Connection, tasks: int) -> float:
    """Seconds for the tasks to be stored."""
    started = time.monotonic()
    begin = pack_text(TENANT) + pack_bigint(JOB_ID)
    rows = (
        b"".join((begin, pack_int(seq), pack_text(task.custom_id), pack_text(task.payload)))
        for seq, task in enumerate(write_lines(tasks))
    )
    copy_rows(connection, table="bare.task", columns=TASK_COLUMNS, rows=rows)
    seconds = time.monotonic() - started
    connection.execute(FILL_BLOCKS, {"size": BLOCK_TASKS, "tasks": tasks})
    connection.execute("ANALYZE bare.task (job_id, seq)")
    return seconds


@contextmanager
def _running(server_url: str) -> Iterator[list["subprocess.Popen[str]"]]:
    """Workers that are connected, and begin when they are told."""
    command = [sys.executable, "-m", "bench.queue_bare_worker"]
    environment = os.environ | {DATABASE_URL: server_url}
    with ExitStack() as opened:
        workers = []
        for _ in range(WORKERS):
            process = subprocess.Popen(
                command, cwd=CHECKOUT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            workers.append(opened.enter_context(process))
        for worker in workers:
            assert _hear(worker) == "ready", "a worker of the bare pipeline did not start: its error is above"
        yield workers


def _tell(worker: "subprocess.Popen[str]") -> None:
    assert worker.stdin is not None
    print("begin", file=worker.stdin, flush=True)


def _hear(worker: "subprocess.Popen[str]") -> str:
    assert worker.stdout is not None
    return worker.stdout.readline().strip()
