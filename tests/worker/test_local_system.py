"""The whole system on one machine: what dies is started again, and nothing outlives its starter."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
from sqlalchemy import create_engine

from db.session import session_scope
from db.workers import list_workers
from tests.private_redis import kill_redis
from tests.waiting import wait_until
from worker.errors import WorkersFailed
from worker.local_system import LocalSystem, run_local_system
from worker.postgres.postmaster import find_postmaster, is_alive
from worker.settings import Settings

CHECKOUT = Path(__file__).parent.parent.parent
STARTER = """
import sys, time
from pathlib import Path
from worker.local_workers import run_workers
from worker.settings import read_settings
with run_workers(read_settings(), queues={"brain": ["router"]}, log_directory=Path(sys.argv[1])) as (worker,):
    print(worker.process.pid, flush=True)
    time.sleep(600)
"""


@contextmanager
def run_brain(folder: Path, logs: Path, queue: str = "router") -> Iterator[LocalSystem]:
    settings = Settings(data_directory=folder, cache_directory=folder)
    with run_local_system(settings, queues={"brain": [queue]}, log_directory=logs) as system:
        yield system


def is_at_work(system: LocalSystem, pid: int) -> bool:
    """Whether the worker of this process told the database of itself just now."""
    assert system.settings.database_url is not None
    database = create_engine(system.settings.database_url)
    try:
        with session_scope(database) as session:
            return any(seen.owner.endswith(f":{pid}") and not seen.is_silent for seen in list_workers(session))
    finally:
        database.dispose()


def kill_postgres(system: LocalSystem) -> None:
    assert system.settings.database_url is not None
    with psycopg.connect(system.settings.database_url) as connection:
        row = connection.execute("SHOW data_directory").fetchone()
    assert row is not None
    postmaster = find_postmaster(Path(row[0]))
    assert postmaster is not None
    os.kill(postmaster.pid, signal.SIGKILL)
    wait_until(lambda: not is_alive(postmaster.pid))


def test_servers_and_workers_that_are_killed_are_started_again(server_folder: Path, tmp_path: Path) -> None:
    with run_brain(server_folder, tmp_path) as system:
        (first,) = system.workers
        system.revive()
        assert system.workers == [first]  # what runs is left alone
        wait_until(lambda: is_at_work(system, first.process.pid))
        kill_redis(system.redis)
        kill_postgres(system)
        os.kill(first.process.pid, signal.SIGKILL)
        wait_until(lambda: first.process.poll() is not None)
        system.revive()
        (second,) = system.workers
        with system.redis.connect() as client:
            assert client.ping()
        wait_until(lambda: is_at_work(system, second.process.pid))
    assert second.process.returncode == 0
    assert not is_alive(system.redis.pid)


def test_a_worker_that_only_ends_is_told_with_what_it_said(server_folder: Path, tmp_path: Path) -> None:
    def fails() -> bool:
        try:
            system.revive()
        except WorkersFailed as error:
            told.append(str(error))
        return bool(told)

    told: list[str] = []
    with run_brain(server_folder, tmp_path, "engine.none") as system:
        wait_until(fails, seconds=120)
    assert "worker brain ended 3 times, last with exit code 1. It said:" in told[0]
    assert "a worker of queue engine.none needs the strategy file" in told[0]


def test_a_worker_drains_when_its_starter_was_killed(database_url: str, tmp_path: Path) -> None:
    environ = {"APPORTION_DATABASE_URL": database_url, "APPORTION_BROKER_URL": "redis://127.0.0.1:9/0"}
    with subprocess.Popen(
        [sys.executable, "-c", STARTER, tmp_path],
        cwd=CHECKOUT,
        env={**os.environ, **environ},
        stdout=subprocess.PIPE,
        text=True,
    ) as starter:
        assert starter.stdout is not None
        pid = int(starter.stdout.readline())
        log = tmp_path / "brain.log"
        wait_until(lambda: "router: ready" in log.read_text(), seconds=60)
        starter.kill()
    wait_until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    assert "Warm shutdown" in log.read_text()
