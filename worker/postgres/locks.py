"""The two file locks between commands: the kernel drops them when a process dies, however it dies."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from worker.postgres.errors import FolderUnusable, ServerFailed

# Longer than a crash recovery takes, which happens under the change lock.
CHANGE_LOCK_SECONDS = 120.0
POLL_SECONDS = 0.02


@contextmanager
def change_lock(path: Path) -> Iterator[None]:
    """Only one command at a time makes, starts or stops the server; ServerFailed when another one never finishes."""
    descriptor = _open_lock(path)
    try:
        _wait_for_lock(descriptor, path)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        _close_lock(descriptor)


def _wait_for_lock(descriptor: int, path: Path) -> None:
    deadline = time.monotonic() + CHANGE_LOCK_SECONDS
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                holder = os.pread(descriptor, 32, 0).decode() or "unknown"
                raise ServerFailed(
                    f"process {holder} has been starting or stopping the database for {CHANGE_LOCK_SECONDS:g} s "
                    f"({path}); see what it does, end it if it hangs, and run the command again"
                ) from None
            time.sleep(POLL_SECONDS)


class UserLock:
    """This command's mark among the server's users."""

    def __init__(self, path: Path) -> None:
        self._descriptor = _open_lock(path)
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    def leave(self) -> bool:
        """Stop being a user; True when nobody else is one. Called under the change lock: nobody joins meanwhile."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        else:
            return True
        finally:
            _close_lock(self._descriptor)


def _close_lock(descriptor: int) -> None:
    """Unlock before closing: a forked child that still has the file open would keep the lock otherwise."""
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    os.close(descriptor)


def _open_lock(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise FolderUnusable(
            f"the database lock {path} cannot be opened: {error}; name a data directory you own"
        ) from error
