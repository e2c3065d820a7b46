"""Making the cluster: initdb beside its place, then one rename, so that a cluster is either whole or absent."""

import os
import secrets
import shutil
import tempfile
from pathlib import Path

from worker.postgres.binaries import Binaries
from worker.postgres.errors import ServerFailed
from worker.postgres.folder import UNFINISHED_SUFFIX, ServerFolder
from worker.postgres.server_user import ServerUser, give_to, last_lines, run_as

SUPERUSER = "apportion"
INITDB_SECONDS = 300.0


def make_cluster(folder: ServerFolder, binaries: Binaries, user: ServerUser) -> None:
    """Make the cluster where it is missing. To be called under the change lock."""
    if folder.cluster.is_dir():
        return
    unfinished = Path(tempfile.mkdtemp(prefix="cluster-", suffix=UNFINISHED_SUFFIX, dir=folder.root))
    try:
        give_to(user, unfinished)
        _write_password(unfinished / folder.password.name, user)
        _run_initdb(unfinished, folder, binaries, user)
        unfinished.rename(folder.cluster)
        _sync_directory(folder.root)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _run_initdb(unfinished: Path, folder: ServerFolder, binaries: Binaries, user: ServerUser) -> None:
    command = [
        binaries.program("initdb"),
        f"--pgdata={unfinished / folder.data.name}",
        f"--username={SUPERUSER}",
        f"--pwfile={unfinished / folder.password.name}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        # The built-in provider sorts alike on every machine; a libc locale may be missing or change with the system.
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
    ]
    result = run_as(user, command, timeout_seconds=INITDB_SECONDS)
    if result.returncode != 0:
        raise ServerFailed(
            f"the database cannot be made in {folder.root} ({folder.free_mib():.0f} MiB free): "
            f"free space there, or name another data directory. initdb said:\n{last_lines(result.stdout)}"
        )


def _write_password(path: Path, user: ServerUser) -> None:
    """A random password that only the server's user (and root) can read; the socket's directory is private as well."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_hex(24))
    give_to(user, path)


def _sync_directory(path: Path) -> None:
    """Make a rename in this directory survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
