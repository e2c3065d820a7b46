"""Folders, mounts and commands for the tests of the embedded server."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from worker.postgres.postmaster import Postmaster, find_postmaster, stop_postmaster

CHECKOUT = Path(__file__).parent.parent.parent


def postmaster_of(folder: Path) -> Postmaster | None:
    """The server that runs in this folder, if one does."""
    return find_postmaster(folder.resolve() / "cluster" / "data")


def running_pid(folder: Path) -> int:
    """The server's process id; AssertionError when none runs."""
    postmaster = postmaster_of(folder)
    assert postmaster is not None, f"no server runs in {folder}"
    return postmaster.pid


def remove_folder(folder: Path) -> None:
    """Stop whatever a failed test left running, then remove it."""
    if (postmaster := postmaster_of(folder)) is not None:
        stop_postmaster(postmaster)
    shutil.rmtree(folder, ignore_errors=True)


def spawn_command(folder: Path) -> subprocess.Popen[str]:
    """A process that uses the server until its input ends, in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.worker.postgres_command", str(folder)],
        cwd=CHECKOUT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def read_url(command: subprocess.Popen[str]) -> str:
    """The URL that the command prints once its server answers."""
    assert command.stdout is not None
    url = command.stdout.readline().strip()
    assert url, command.communicate()[1]
    return url


def write_row(url: str, value: int) -> None:
    """Commit one value."""
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (value int)")
        connection.execute("INSERT INTO kept VALUES (%s)", (value,))


def read_rows(url: str) -> list[int]:
    """Every committed value."""
    with psycopg.connect(url) as connection:
        return [row[0] for row in connection.execute("SELECT value FROM kept ORDER BY value")]


@contextmanager
def small_disk(folder: Path, *, size_mib: int) -> Iterator[None]:
    """A file system of this size mounted on `folder`; needs root."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_mib}m,mode=755", "none", folder], check=True)
    try:
        yield
    finally:
        if (postmaster := postmaster_of(folder / "postgres")) is not None:
            stop_postmaster(postmaster)
        subprocess.run(["umount", folder], check=True)


def resize_disk(folder: Path, *, size_mib: int) -> None:
    """Give a small disk another size."""
    subprocess.run(["mount", "-o", f"remount,size={size_mib}m", folder], check=True)
