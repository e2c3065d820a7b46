"""Where the server listens: a Unix socket, so no port can be taken."""

import hashlib
import os
import re
import stat
from pathlib import Path

from worker.postgres.errors import FolderUnusable
from worker.postgres.server_user import ServerUser, find_closed_directory, give_to

SOCKET_NAME = ".s.PGSQL.5432"
# A Unix socket's path must fit 107 bytes on Linux and 103 on macOS.
LONGEST_PATH_BYTES = 100
# Postgres reads its socket directories from a list with commas, quotes and spaces.
PLAIN_PATH = re.compile(r"[A-Za-z0-9_./+@=-]+")


def make_socket_directory(root: Path, user: ServerUser) -> Path:
    """A private directory for the socket: in the server's folder, or a short one under /tmp where that is too long.

    To be called while no server runs: what a killed one left there is removed, because Postgres would take a zombie
    for its owner.
    """
    directory = root / "socket"
    if len(os.fsencode(directory / SOCKET_NAME)) > LONGEST_PATH_BYTES or not PLAIN_PATH.fullmatch(str(directory)):
        digest = hashlib.sha256(os.fsencode(root)).hexdigest()[:16]
        # Not TMPDIR: that may be as long as the folder, or closed to the server's user.
        directory = Path("/tmp") / f"apportion-{os.geteuid()}-{digest}"  # noqa: S108  # checked to be ours below
    try:
        directory.mkdir(mode=0o700)
        give_to(user, directory)
    except FileExistsError:
        _check_private(directory, user)
    if (closed := find_closed_directory(directory, user)) is not None:
        raise FolderUnusable(f"the database server runs as {user.name}, who may not enter {closed}")
    for name in (SOCKET_NAME, f"{SOCKET_NAME}.lock"):
        (directory / name).unlink(missing_ok=True)
    return directory


def _check_private(directory: Path, user: ServerUser) -> None:
    """Anyone may make a directory under /tmp first: take it only if it is the server user's and closed to others."""
    status = directory.lstat()
    if not stat.S_ISDIR(status.st_mode):
        raise FolderUnusable(f"{directory} is in the way of the database's socket directory; remove it")
    if status.st_uid == os.geteuid() and not user.is_caller:
        give_to(user, directory)  # made by us, and killed before it was handed over
        status = directory.lstat()
    if status.st_uid != user.uid or status.st_mode & 0o077:
        raise FolderUnusable(
            f"the database's socket directory {directory} belongs to uid {status.st_uid} with mode "
            f"{stat.S_IMODE(status.st_mode):o}, not to {user.name} alone; remove it"
        )
