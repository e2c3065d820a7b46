"""Celery's own commands on our application: workers that refuse to start, `inspect`, and Flower."""

import json
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError

import pytest

from tests.faults.fleet import run_fleet
from tests.faults.load import write_strategies
from tests.waiting import wait_until
from worker.celery_app import WAKE
from worker.errors import SettingError
from worker.queues import RECONCILER
from worker.redis import PrivateRedis
from worker.settings import Settings, give_environment
from worker.station_bootstrap import open_station

CHECKOUT = Path(__file__).parent.parent.parent
NOBODY = "postgresql://apportion:x@127.0.0.1:9/apportion"  # where nobody listens
FAR = """
engines:
  far: {kind: openai, model: none, base_url: "http://127.0.0.1:9/v1", parameters: 1000, description: away}
strategies:
  - {name: small, engine: far, decoding: {method: direct, max_tokens: 8}}
"""
CELERY = (sys.executable, "-m", "celery", "-A", "worker.app")


def make_settings(folder: Path, **given: object) -> Settings:
    own = {"database_url": NOBODY, "broker_url": "redis://127.0.0.1:9/0"}
    return Settings(data_directory=folder, cache_directory=folder, **(own | given))  # type: ignore[arg-type]  # fields by name


def run_celery(settings: Settings, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environ = give_environment(settings)
    return subprocess.run(
        [*CELERY, *arguments], cwd=CHECKOUT, env=environ, capture_output=True, text=True, timeout=60, check=False
    )


def refuse_queue(settings: Settings, queue: str) -> str:
    """What a station of this queue says instead of opening."""
    with (
        pytest.raises(SettingError) as refused,
        open_station(settings, queues=[queue], send_ring=lambda _: None, on_failed=lambda: None),
    ):
        pass
    return str(refused.value)


def test_another_pool_than_threads_is_refused(tmp_path: Path) -> None:
    refused = run_celery(make_settings(tmp_path), "worker", "-Q", "router", "-P", "solo")
    assert refused.returncode == 1
    assert "error: these workers work in threads: leave out -P (--pool)" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_database_that_is_away_at_the_start_is_named(tmp_path: Path) -> None:
    # Celery takes "-P prefork" for its default, which ours replaces: threads.
    refused = run_celery(make_settings(tmp_path), "worker", "-Q", "router", "-P", "prefork")
    assert refused.returncode == 1
    assert "error: the database can not be used: connection failed: connection to server at" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_an_unknown_queue_is_named(tmp_path: Path) -> None:
    assert "there is no queue engines: a worker consumes router," in refuse_queue(make_settings(tmp_path), "engines")


@pytest.mark.parametrize("queue", ["trainer", "engine.scripted"])
def test_a_queue_that_needs_the_strategy_file_says_so(tmp_path: Path, queue: str) -> None:
    assert f"a worker of queue {queue} needs the strategy file" in refuse_queue(make_settings(tmp_path), queue)


def test_a_reconciler_needs_no_strategy_file_and_no_weights(tmp_path: Path, database_url: str) -> None:
    settings = make_settings(tmp_path, database_url=database_url, strategies=tmp_path / "elsewhere.yaml")
    with open_station(settings, queues=[RECONCILER], send_ring=lambda _: None, on_failed=lambda: None) as station:
        assert station.stop()


def test_an_engine_that_no_strategy_asks_is_named(tmp_path: Path, database_url: str) -> None:
    settings = make_settings(tmp_path, database_url=database_url, strategies=write_strategies(tmp_path))
    assert "asks engine other: it has scripted" in refuse_queue(settings, "engine.other")


def test_a_worker_whose_role_fails_ends_also_while_its_broker_is_away(tmp_path: Path, database_url: str) -> None:
    strategies = write_strategies(tmp_path, FAR)
    settings = make_settings(tmp_path, database_url=database_url, strategies=strategies)
    failed = run_celery(settings, "worker", "-Q", "engine.far")
    assert failed.returncode == 1
    assert "engine.far: this worker can not go on" in failed.stderr
    assert "engine far can not reach http://127.0.0.1:9/v1" in failed.stderr


def test_inspect_and_flower_show_the_workers(tmp_path: Path, database_url: str, redis_server: PrivateRedis) -> None:
    settings = make_settings(tmp_path, database_url=database_url, broker_url=redis_server.url)
    with run_fleet(settings, folder=tmp_path) as fleet:
        fleet.staff({"sweeper": [RECONCILER]})
        for question, answer in (("ping", "pong"), ("registered", WAKE)):
            told = run_celery(settings, "inspect", question)
            assert told.returncode == 0
            assert "sweeper-1@" in told.stdout
            assert answer in told.stdout
        with run_flower(settings) as address:
            wait_until(lambda: any(name.startswith("sweeper-1@") for name in list_workers(address)))


@contextmanager
def run_flower(settings: Settings) -> Iterator[str]:
    """The address of a Flower of our application."""
    with socket.create_server(("127.0.0.1", 0)) as own:
        port = own.getsockname()[1]
    environ = give_environment(settings) | {"FLOWER_UNAUTHENTICATED_API": "true"}
    command = [*CELERY, "flower", "--address=127.0.0.1", f"--port={port}"]
    with subprocess.Popen(command, cwd=CHECKOUT, env=environ, stderr=subprocess.DEVNULL) as flower:
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            flower.terminate()


def list_workers(address: str) -> Mapping[str, object]:
    """The workers that Flower knows, by name; none while it starts."""
    try:
        with urllib.request.urlopen(f"{address}/api/workers?refresh=true", timeout=10) as reply:
            workers: dict[str, object] = json.load(reply)
            return workers
    except URLError:
        return {}
