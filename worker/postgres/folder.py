"""Where the server's files lie: one folder, everything in it made by us."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from worker.postgres.errors import FolderUnusable
from worker.postgres.server_user import ServerUser, find_closed_directory

# What is being made carries this suffix until one rename puts it in place.
UNFINISHED_SUFFIX = ".unfinished"
CLUSTER_NAME = "cluster"


@dataclass(frozen=True, kw_only=True)
class ServerFolder:
    """The paths inside the server's folder."""

    root: Path

    def free_mib(self) -> float:
        """What a full disk leaves, for error messages."""
        return shutil.disk_usage(self.root).free / 2**20

    def remove_unfinished(self) -> None:
        """Remove what a killed command left; an initdb that outlived its command then fails."""
        for leftover in self.root.glob(f"*{UNFINISHED_SUFFIX}"):
            shutil.rmtree(leftover, ignore_errors=True)

    @property
    def change_lock(self) -> Path:
        """Held exclusively by whoever makes, starts or stops the server."""
        return self.root / "change.lock"

    @property
    def users_lock(self) -> Path:
        """Held shared by every command that uses the server."""
        return self.root / "users.lock"

    @property
    def cluster(self) -> Path:
        """Appears in one rename, complete: data, password and log."""
        return self.root / CLUSTER_NAME

    @property
    def data(self) -> Path:
        return self.cluster / "data"

    @property
    def password(self) -> Path:
        return self.cluster / "password"

    @property
    def log(self) -> Path:
        return self.cluster / "server.log"


def open_folder(root: Path, user: ServerUser) -> ServerFolder:
    """The server's folder, made where it is missing; FolderUnusable when that fails or `user` cannot reach it."""
    root = Path(os.path.realpath(root))
    try:
        _make_directories(root, mode=0o700 if user.is_caller else 0o755)
        closed = find_closed_directory(root, user)
    except OSError as error:
        raise FolderUnusable(
            f"the database folder {root} cannot be made: {error}; name another data directory"
        ) from error
    if closed is not None:
        raise FolderUnusable(
            f"the database server runs as {user.name}, who may not enter {closed}; "
            f"name a data directory outside {closed}, such as /var/lib/apportion"
        )
    return ServerFolder(root=root)


def _make_directories(path: Path, *, mode: int) -> None:
    """Like mkdir -p, with this mode for what is made here, whatever the umask; directories that exist keep theirs."""
    if path.is_dir():
        return
    _make_directories(path.parent, mode=mode)
    try:
        path.mkdir()
    except FileExistsError:  # another command made it between our look and our mkdir
        return
    path.chmod(mode)
