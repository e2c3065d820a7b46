"""The embedded server in ordinary use: made once, shared by commands, stopped by the last one."""

import os
import signal
import stat
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from tests.waiting import wait_until
from tests.worker.postgres_folders import (
    postmaster_of,
    read_rows,
    read_url,
    remove_folder,
    running_pid,
    spawn_command,
    write_row,
)
from worker.postgres import EmbeddedPostgres, EmbeddedPostgresError


def test_rows_survive_a_restart(server_folder: Path) -> None:
    with EmbeddedPostgres(server_folder) as url:
        write_row(url, 1)
    assert postmaster_of(server_folder) is None
    with EmbeddedPostgres(server_folder) as url:
        assert read_rows(url) == [1]


def test_server_is_private_and_durable(server_folder: Path) -> None:
    with EmbeddedPostgres(server_folder) as url, psycopg.connect(url) as connection:
        settings = {
            name: connection.execute("SELECT current_setting(%s)", (name,)).fetchone()
            for name in ("listen_addresses", "fsync", "full_page_writes", "synchronous_commit", "data_checksums")
        }
        for name in ("cluster", "cluster/data", "cluster/password", "socket"):
            assert stat.S_IMODE((server_folder / name).stat().st_mode) & 0o077 == 0, name
    assert settings == {
        "listen_addresses": ("",),
        "fsync": ("on",),
        "full_page_writes": ("on",),
        "synchronous_commit": ("on",),
        "data_checksums": ("on",),
    }


def test_a_wrong_password_is_refused(server_folder: Path) -> None:
    with (
        EmbeddedPostgres(server_folder) as url,
        pytest.raises(psycopg.OperationalError, match="password authentication failed"),
    ):
        psycopg.connect(url, password="wrong")


def test_commands_that_start_together_share_one_server(server_folder: Path) -> None:
    commands = [spawn_command(server_folder) for _ in range(4)]
    urls = {read_url(command) for command in commands}
    assert len(urls) == 1
    pid = running_pid(server_folder)
    for command in commands:
        assert running_pid(server_folder) == pid
        command.communicate(timeout=60)
        assert command.returncode == 0
    assert postmaster_of(server_folder) is None


def test_ctrl_c_in_one_command_leaves_the_server_to_the_other(server_folder: Path) -> None:
    command = spawn_command(server_folder)
    read_url(command)
    with EmbeddedPostgres(server_folder) as url:
        pid = running_pid(server_folder)
        os.killpg(command.pid, signal.SIGINT)
        _, error = command.communicate(timeout=60)
        assert "KeyboardInterrupt" in error
        write_row(url, 1)
        assert running_pid(server_folder) == pid


def test_start_again_joins_the_running_server(server_folder: Path) -> None:
    server = EmbeddedPostgres(server_folder)
    assert server.start() == server.start()
    server.stop()
    server.stop()
    assert postmaster_of(server_folder) is None


def test_a_forked_child_leaves_the_server_alone(server_folder: Path) -> None:
    server = EmbeddedPostgres(server_folder)
    url = server.start()
    child = os.fork()
    if child == 0:
        server.stop()
        os._exit(0)
    os.waitpid(child, 0)
    write_row(url, 1)
    server.stop()
    assert postmaster_of(server_folder) is None


@pytest.mark.parametrize("name", ["x" * 120, "a night, with spaces", "quote'and\"percent%20", "größe"])
def test_any_folder_name_works(open_directory: Path, name: str) -> None:
    folder = open_directory / name
    try:
        with EmbeddedPostgres(folder) as url:
            write_row(url, 1)
            assert read_rows(url) == [1]
            socket_directory = make_url(url).query["host"]
        assert not Path(str(socket_directory)).exists()
    finally:
        remove_folder(folder)


def test_a_file_in_the_way_is_named(open_directory: Path) -> None:
    (open_directory / "taken").write_text("")
    with pytest.raises(EmbeddedPostgresError, match=r"taken.*name another"):
        EmbeddedPostgres(open_directory / "taken" / "postgres").start()


def test_a_lost_password_is_named(server_folder: Path) -> None:
    with EmbeddedPostgres(server_folder):
        pass
    (server_folder / "cluster" / "password").unlink()
    with pytest.raises(EmbeddedPostgresError, match=r"password of the database in .* cannot be read"):
        EmbeddedPostgres(server_folder).start()
    wait_until(lambda: postmaster_of(server_folder) is None)
