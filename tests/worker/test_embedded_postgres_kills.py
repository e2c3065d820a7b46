"""kill -9 of everything around the embedded server: the next command finds every committed row."""

import ctypes
import multiprocessing
import os
import shutil
import signal
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
import pytest

from tests.waiting import wait_until
from tests.worker.postgres_folders import postmaster_of, read_rows, read_url, running_pid, spawn_command, write_row
from worker.postgres import EmbeddedPostgres, EmbeddedPostgresError, locks
from worker.postgres.locks import change_lock

PR_SET_CHILD_SUBREAPER = 36


def test_a_killed_command_leaves_a_server_that_the_next_one_takes_over(server_folder: Path) -> None:
    command = spawn_command(server_folder)
    write_row(read_url(command), 1)
    pid = running_pid(server_folder)
    command.kill()
    command.communicate()
    with EmbeddedPostgres(server_folder) as url:
        assert running_pid(server_folder) == pid
        assert read_rows(url) == [1]
    assert postmaster_of(server_folder) is None


def test_a_command_killed_while_it_makes_the_cluster_leaves_nothing_half_made(server_folder: Path) -> None:
    command = spawn_command(server_folder)
    wait_until(lambda: any(server_folder.glob("cluster*/data/base")))
    command.kill()
    command.communicate()
    with EmbeddedPostgres(server_folder) as url:
        write_row(url, 1)
    with EmbeddedPostgres(server_folder) as url:
        assert read_rows(url) == [1]
    assert not list(server_folder.glob("*.unfinished"))


def test_a_killed_server_is_revived_for_the_command_that_uses_it(server_folder: Path) -> None:
    server = EmbeddedPostgres(server_folder)
    url = server.start()
    write_row(url, 1)
    with psycopg.connect(url) as open_connection:
        os.kill(running_pid(server_folder), signal.SIGKILL)
        url = server.start()
        assert read_rows(url) == [1]
        with pytest.raises(psycopg.OperationalError):
            open_connection.execute("SELECT 1")
    server.stop()
    assert postmaster_of(server_folder) is None


def test_a_server_and_all_its_processes_killed_at_once_comes_back(server_folder: Path) -> None:
    command = spawn_command(server_folder)
    write_row(read_url(command), 1)
    server = psutil.Process(running_pid(server_folder))
    for process in [psutil.Process(command.pid), server, *server.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):  # the server's processes end when they notice its death
            process.kill()
    command.communicate()
    with EmbeddedPostgres(server_folder) as url:
        assert read_rows(url) == [1]


def test_a_zombie_is_not_taken_for_a_server(server_folder: Path) -> None:
    child = multiprocessing.get_context("spawn").Process(target=_revive_beside_a_zombie, args=(server_folder,))
    child.start()
    child.join(timeout=120)
    assert child.exitcode == 0


def _revive_beside_a_zombie(folder: Path) -> None:
    """Be the one who inherits the orphaned server and never reaps it, as a careless container's first process does."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    server = EmbeddedPostgres(folder)
    write_row(server.start(), 1)
    zombie = psutil.Process(running_pid(folder))
    zombie.kill()
    wait_until(lambda: zombie.status() == psutil.STATUS_ZOMBIE)
    assert read_rows(server.start()) == [1]
    assert zombie.status() == psutil.STATUS_ZOMBIE
    server.stop()
    assert postmaster_of(folder) is None


def test_a_pid_file_with_someone_elses_number_is_not_believed(server_folder: Path) -> None:
    with EmbeddedPostgres(server_folder) as url:
        write_row(url, 1)
        pid_file = server_folder / "cluster" / "data" / "postmaster.pid"
        lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]))
    with EmbeddedPostgres(server_folder) as url:
        assert read_rows(url) == [1]


def test_a_server_that_lost_its_socket_is_restarted(server_folder: Path) -> None:
    with EmbeddedPostgres(server_folder) as url:
        write_row(url, 1)
        shutil.rmtree(server_folder / "socket")
        with EmbeddedPostgres(server_folder) as url_again:
            assert read_rows(url_again) == [1]


def test_a_command_that_hangs_while_starting_is_named(server_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with EmbeddedPostgres(server_folder):
        pass
    monkeypatch.setattr(locks, "CHANGE_LOCK_SECONDS", 0.2)
    with (
        change_lock(server_folder / "change.lock"),
        pytest.raises(EmbeddedPostgresError, match=f"process {os.getpid()} has been starting or stopping"),
    ):
        EmbeddedPostgres(server_folder).start()
