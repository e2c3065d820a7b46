"""The embedded server as a command uses it: the first user starts it, the last one stops it."""

import os
from contextlib import suppress
from pathlib import Path

from worker.postgres.binaries import reachable_binaries
from worker.postgres.cluster import make_cluster
from worker.postgres.errors import EmbeddedPostgresError, FolderUnusable
from worker.postgres.folder import CLUSTER_NAME, ServerFolder, open_folder
from worker.postgres.launch import launch_server, server_url, wait_for_answer
from worker.postgres.locks import UserLock, change_lock
from worker.postgres.postmaster import clear_after_kill, find_postmaster, stop_postmaster
from worker.postgres.server_user import ServerUser, choose_server_user
from worker.postgres.sockets import make_socket_directory


class EmbeddedPostgres:
    """One command's use of the private server in `folder`; several commands, even at once, share one server."""

    def __init__(self, folder: Path) -> None:
        self._folder_path = folder
        self._lock: UserLock | None = None
        self._process_id = os.getpid()

    def start(self) -> str:
        """Make, start or join the server and return its URL; called again, it revives a server that was killed."""
        user = choose_server_user(self._folder_path / CLUSTER_NAME)
        folder = open_folder(self._folder_path, user)
        with change_lock(folder.change_lock):
            lock = self._lock or UserLock(folder.users_lock)
            try:
                url = _ensure_server(folder, user)
            except BaseException:
                self._lock = None
                if lock.leave():
                    with suppress(EmbeddedPostgresError):  # the first error is the one to tell
                        _stop_server(folder)
                raise
            self._lock = lock
        return url

    def stop(self) -> None:
        """Leave the server, and stop it if nobody else uses it."""
        if self._lock is None or os.getpid() != self._process_id:
            return  # never started, or a forked child, which shares its parent's lock: to leave is up to the parent
        folder = open_folder(self._folder_path, choose_server_user(self._folder_path / CLUSTER_NAME))
        with change_lock(folder.change_lock):
            lock, self._lock = self._lock, None
            if lock.leave():
                _stop_server(folder)

    def __enter__(self) -> str:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def _ensure_server(folder: ServerFolder, user: ServerUser) -> str:
    postmaster = find_postmaster(folder.data)
    if postmaster is not None:
        url = server_url(folder, postmaster)
        if wait_for_answer(url, postmaster):
            return url
        _stop_server(folder)
    try:
        folder.remove_unfinished()
        binaries = reachable_binaries(user, folder.root)
        make_cluster(folder, binaries, user)
        clear_after_kill(folder.data)
        socket_directory = make_socket_directory(folder.root, user)
    except OSError as error:
        raise FolderUnusable(
            f"the database cannot be set up in {folder.root} ({folder.free_mib():.0f} MiB free): {error}; "
            "free space there, or name another data directory"
        ) from error
    postmaster = launch_server(folder, binaries, user, socket_directory)
    return server_url(folder, postmaster)


def _stop_server(folder: ServerFolder) -> None:
    postmaster = find_postmaster(folder.data)
    if postmaster is not None:
        stop_postmaster(postmaster)
        with suppress(OSError):  # removed by someone else; it is made again at the next start
            postmaster.socket_directory.rmdir()
