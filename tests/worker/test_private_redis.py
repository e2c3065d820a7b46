"""The private Redis: one for each owner, gone with it however that ends."""

import multiprocessing
import os
import pwd
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pytest
from redis.exceptions import ConnectionError as NoAnswer

from tests.private_redis import kill_redis
from tests.waiting import wait_until
from worker.postgres.postmaster import is_alive
from worker.redis import PrivateRedis, PrivateRedisError, program, run_redis, server

CHECKOUT = Path(__file__).parent.parent.parent


def folder_of(url: str) -> Path:
    return Path(url.removeprefix("redis+socket://")).parent


@contextmanager
def spawn_owner() -> Iterator[tuple[subprocess.Popen[str], str, int]]:
    """A process that owns a server until its input ends, with the server's address and number."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.worker.redis_command"],
        cwd=CHECKOUT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as owner:
        assert owner.stdout is not None
        url, pid = owner.stdout.readline().split()
        yield owner, url, int(pid)


def test_a_server_is_private_and_leaves_nothing(redis_server: PrivateRedis) -> None:
    with run_redis() as own, own.connect() as client:
        folder, pid = folder_of(own.url), own.pid
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        client.set("key", "value")
        with redis_server.connect() as other:
            assert other.get("key") is None
        assert client.config_get("port") == {"port": "0"}
    assert not folder.exists()
    assert not is_alive(pid)


def test_a_server_that_runs_is_not_started_again(redis_server: PrivateRedis) -> None:
    pid = redis_server.pid
    redis_server.start()
    assert redis_server.pid == pid


def test_a_killed_server_comes_back_empty_at_its_address(redis_server: PrivateRedis) -> None:
    url = redis_server.url
    with redis_server.connect() as client:
        client.set("key", "value")
    kill_redis(redis_server)
    with redis_server.connect() as client, pytest.raises(NoAnswer):
        client.ping()
    redis_server.start()
    with redis_server.connect() as client:
        assert client.get("key") is None
    assert redis_server.url == url


def test_servers_that_start_together_do_not_meet() -> None:
    with ExitStack() as stack, ThreadPoolExecutor(4) as threads:
        servers = list(threads.map(lambda _: stack.enter_context(run_redis()), range(4)))
        assert len({own.url for own in servers}) == 4
        assert all(is_alive(own.pid) for own in servers)


def test_a_server_outlives_the_thread_that_started_it() -> None:
    with ExitStack() as stack:
        with ThreadPoolExecutor(1) as thread:
            own = thread.submit(lambda: stack.enter_context(run_redis())).result()
        with own.connect() as client:
            assert client.ping()


def test_a_killed_owner_takes_the_server_with_it() -> None:
    with spawn_owner() as (owner, url, pid):
        assert is_alive(pid)
        owner.kill()
    wait_until(lambda: not is_alive(pid) and not folder_of(url).exists())


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user: only root can")
def test_an_ordinary_user_runs_a_server() -> None:
    child = multiprocessing.get_context("fork").Process(target=_run_as_nobody)
    child.start()
    child.join(timeout=60)
    assert child.exitcode == 0


def _run_as_nobody() -> None:
    nobody = pwd.getpwnam("nobody").pw_uid
    os.setuid(nobody)
    with run_redis() as own:
        assert psutil.Process(own.pid).uids().real == nobody
    assert not is_alive(own.pid)


def test_a_missing_program_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "PACKAGE", "no_such_wheel")
    with pytest.raises(PrivateRedisError, match="no_such_wheel is not installed: `make install`"), run_redis():
        pass


def test_a_server_that_refuses_to_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(server.SETTINGS, "appendonly", "often")
    with pytest.raises(PrivateRedisError, match=r"did not start\. It said:[^$]*must be 'yes' or 'no'"), run_redis():
        pass
