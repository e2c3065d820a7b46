"""Commands as producers: Celery workers do the work, and each process may come and go."""

import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine as Database
from sqlalchemy import create_engine, make_url

from db.invariants import find_violations
from db.session import session_scope
from db.workers import list_served_queues
from gateway.exit_codes import ExitCode
from tests.private_redis import kill_redis
from tests.waiting import wait_until
from tests.worker.fake_night import make_tasks
from worker.local_workers import LocalWorker, start_worker
from worker.redis import PrivateRedis, run_redis
from worker.settings import Settings, give_environment

pytestmark = pytest.mark.timeout(600)

CHECKOUT = Path(__file__).parent.parent.parent
STRATEGIES = """
engines:
  echo: {kind: echo, model: echo, description: no model}
strategies:
  - {name: small, engine: echo, decoding: {method: direct, max_tokens: 10}}
  - {name: large, engine: echo, decoding: {method: direct, max_tokens: 40}}
"""
BRAIN = ("router", "reconciler", "trainer")


class Fleet:
    """A database, a broker, workers, and the commands of a producer."""

    def __init__(self, folder: Path, *, url: str, redis: PrivateRedis) -> None:
        self.folder, self.redis = folder, redis
        self.strategies = folder / "strategies.yaml"
        self.strategies.write_text(STRATEGIES, encoding="utf-8")
        self.tasks = folder / "tasks.jsonl"
        self.tasks.write_text("".join(f"{task.payload}\n" for task in make_tasks(24)), encoding="utf-8")
        self.settings = Settings(
            database_url=url,
            broker_url=redis.url,
            strategies=self.strategies,
            data_directory=folder / "no-data",
            cache_directory=Path(tempfile.gettempdir()) / "apportion-test-cache",
            lease_seconds=3.0,
        )
        self.database: Database = create_engine(url)
        self._environment = give_environment(self.settings) | {"COLUMNS": "200", "PYTHONPATH": str(CHECKOUT)}

    @contextmanager
    def worker(self, name: str, *queues: str) -> Iterator[LocalWorker]:
        """A worker that is at work, and drained at the end of the block."""
        started = start_worker(name, queues=queues, environ=self._environment, log_directory=self.folder)
        try:
            wait_until(lambda: started.process.poll() is not None or set(queues) <= self.served(), seconds=60)
            yield started
        finally:
            assert started.stop() in (0, -signal.SIGKILL), started.log.read_text()

    def served(self) -> set[str]:
        with session_scope(self.database) as session:
            return list_served_queues(session)

    def start(self, *words: str | Path) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-c", "from gateway.cli import main; main()", *map(str, words)],
            cwd=self.folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *words: str | Path, expect: ExitCode = ExitCode.DONE) -> str:
        """What the command printed."""
        with self.start(*words) as command:
            printed, _ = command.communicate(timeout=240)
        assert command.returncode == expect, printed
        return printed

    def run_words(self, out: str) -> Sequence[str | Path]:
        return ("run", self.tasks, "--strategies", self.strategies, "--budget", "100000 tokens", "--out", out)

    def latest_job(self) -> str:
        (job_id, *_earlier) = re.findall(r"^\s*(\d+)", self.run("status"), re.MULTILINE)
        return str(job_id)


@pytest.fixture(scope="module")
def fleet(server_url: str, migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """A fleet without workers, on a database of its own."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE producers TEMPLATE {migrated_template}".encode())
    url = make_url(server_url).set(database="producers").render_as_string(hide_password=False)
    with run_redis() as redis:
        made = Fleet(tmp_path_factory.mktemp("fleet"), url=url, redis=redis)
        yield made
        with session_scope(made.database) as session:
            assert find_violations(session) == []
        made.database.dispose()


@pytest.fixture(scope="module")
def brain(fleet: Fleet) -> Iterator[LocalWorker]:
    with fleet.worker("brain", *BRAIN) as worker:
        yield worker


@pytest.fixture(scope="module")
def trained(fleet: Fleet, brain: LocalWorker) -> str:
    """What `train` printed, once workers had calibrated: predictors of both strategies."""
    with fleet.worker("first-engine", "engine.echo"):
        printed = fleet.run("calibrate", fleet.tasks, "--strategies", fleet.strategies)
    assert "calibrated on 24 tasks: 2 run" in printed
    assert "apportion worker" not in printed  # nobody is missing
    return fleet.run("train", "--strategies", fleet.strategies)


def test_a_trainer_trains_what_workers_calibrated(fleet: Fleet, brain: LocalWorker, trained: str) -> None:
    assert re.search(r"small +24 +0\.0%", trained)
    assert re.search(r"large +24 +0\.0%", trained)
    assert "training request 1: large, 24 outcomes" in brain.log.read_text()
    again = fleet.run("train", "--strategies", fleet.strategies)
    assert re.search(r"small +24 +\N{EN DASH}", again)  # nothing new to learn from


def test_a_run_is_answered_and_reported_with_its_engine_and_its_times(fleet: Fleet, trained: str) -> None:
    with fleet.worker("engine", "engine.echo"):
        printed = fleet.run(*fleet.run_words("answered"))
    assert "24 of 24 answered" in printed
    assert "it goes on without this command" in printed
    assert re.search(r"echo +echo: echo;", printed)
    assert re.search(r"time +.* in all: encoding .*, routing .*, answering ", printed)
    assert (fleet.folder / "answered" / "report.html").exists()


def test_the_worker_command_is_every_worker_that_its_file_allows(fleet: Fleet, trained: str) -> None:
    started = fleet.start("worker", "--strategies", fleet.strategies)
    try:
        wait_until(lambda: "engine.echo" in fleet.served() or started.poll() is not None, seconds=60)
        assert "24 of 24 answered" in fleet.run(*fleet.run_words("by-command"))
    finally:
        started.send_signal(signal.SIGTERM)
        said, _ = started.communicate(timeout=60)
    assert started.returncode == 0, said
    assert "working as router, reconciler, trainer, engine.echo" in said


@pytest.mark.slow
def test_after_ctrl_c_the_job_goes_on_and_can_be_watched_again(fleet: Fleet, trained: str) -> None:
    command = fleet.start(*fleet.run_words("left"))
    assert command.stdout is not None
    noted = next(line for line in command.stdout if "no worker serves engine echo" in line)
    assert "`apportion worker engine.echo --strategies FILE`" in noted
    wait_until(lambda: "running" in fleet.run("status"))  # so it watches
    command.send_signal(signal.SIGINT)
    printed, _ = command.communicate(timeout=60)
    assert command.returncode == ExitCode.DRAINED, printed
    job_id = fleet.latest_job()
    assert f"job {job_id} goes on without this command: `apportion continue {job_id}` watches it again" in printed
    with fleet.worker("late-engine", "engine.echo"):
        assert "24 of 24 answered" in fleet.run("continue", job_id)
    assert (fleet.folder / "left" / "results.jsonl").exists()


@pytest.mark.slow
def test_a_job_is_accepted_and_answered_while_the_broker_is_away(fleet: Fleet, trained: str) -> None:
    with fleet.worker("engine-alone", "engine.echo"):
        kill_redis(fleet.redis)
        printed = fleet.run(*fleet.run_words("unrung"))
        fleet.redis.start()
    assert "the broker can not be reached" in printed
    assert "24 of 24 answered" in printed


@pytest.mark.slow
def test_a_probe_is_answered_by_workers(fleet: Fleet, trained: str) -> None:
    others = fleet.folder / "others.jsonl"
    others.write_text("".join(f"{task.payload}\n" for task in make_tasks(30)[24:]), encoding="utf-8")
    words = ("probe", others, "--strategies", fleet.strategies, "--strategy", "small", "--probes", "6")
    with fleet.worker("probed-engine", "engine.echo"):
        printed = fleet.run(*words)
    assert re.search(r"small +30 ", printed)
    assert "small keeps its predictor" in printed
