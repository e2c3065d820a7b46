"""Who runs the server: Postgres refuses to run as root, so root's commands run it as an unprivileged user."""

import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from worker.postgres.errors import EmbeddedPostgresError

# Preferred first. `nobody` exists everywhere, but other services may share it.
UNPRIVILEGED_USERS = ("postgres", "nobody")

# Nothing of the caller's environment reaches the server: its PG* variables and locale would change what initdb makes.
SERVER_ENVIRONMENT = {"LC_ALL": "C", "PATH": "/usr/bin:/bin"}


@dataclass(frozen=True, kw_only=True)
class ServerUser:
    """The user that owns the cluster and runs the server."""

    name: str
    uid: int
    gid: int
    is_caller: bool


def choose_server_user(cluster: Path) -> ServerUser:
    """The caller; for root the owner of the cluster, or the first unprivileged user while there is none."""
    if os.geteuid() != 0:
        return ServerUser(name=f"uid {os.geteuid()}", uid=os.geteuid(), gid=os.getegid(), is_caller=True)
    if cluster.is_dir():  # a user that was added to this machine later does not own it
        status = cluster.stat()
        return ServerUser(name=f"uid {status.st_uid}", uid=status.st_uid, gid=status.st_gid, is_caller=False)
    for name in UNPRIVILEGED_USERS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return ServerUser(name=name, uid=entry.pw_uid, gid=entry.pw_gid, is_caller=False)
    raise EmbeddedPostgresError(
        f"Postgres does not run as root, and this machine has none of the users {', '.join(UNPRIVILEGED_USERS)}: "
        "add one (useradd --system postgres), or name a database server with APPORTION_DATABASE_URL"
    )


def run_as(user: ServerUser, command: Sequence[str], *, timeout_seconds: float) -> subprocess.CompletedProcess[str]:
    """Run one of the server's programs as `user`, in a session of its own: Ctrl-C at the terminal does not reach it."""
    try:
        return subprocess.run(
            command,
            cwd="/",  # the caller's directory may be closed to the user
            env=SERVER_ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
            timeout=timeout_seconds,
            check=False,
            user=None if user.is_caller else user.uid,
            group=None if user.is_caller else user.gid,
            extra_groups=None if user.is_caller else [],
        )
    except subprocess.TimeoutExpired as error:
        raise EmbeddedPostgresError(f"{command[0]} did not finish within {timeout_seconds:g} s") from error


def last_lines(output: str) -> str:
    """What a program said last: enough for an error message."""
    return "\n".join(output.splitlines()[-10:])


def give_to(user: ServerUser, path: Path) -> None:
    """Make `user` the owner of a path that we made ourselves."""
    if not user.is_caller:
        os.chown(path, user.uid, user.gid)


def find_closed_directory(path: Path, user: ServerUser) -> Path | None:
    """The first directory on the way to `path` that `user` may not pass through, by its mode bits."""
    for directory in reversed([path, *path.parents]):
        passable = os.access(directory, os.X_OK) if user.is_caller else _may_pass(directory.stat(), user)
        if not passable:
            return directory
    return None


def _may_pass(status: os.stat_result, user: ServerUser) -> bool:
    if status.st_uid == user.uid:
        return bool(status.st_mode & 0o100)
    if status.st_gid == user.gid:
        return bool(status.st_mode & 0o010)
    return bool(status.st_mode & 0o001)
