"""The server's main process: finding it, waiting for it, stopping it, and clearing what a killed one left behind."""

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from worker.postgres.errors import ServerFailed

PID_FILE = "postmaster.pid"
SOCKET_LINE = 4
STATUS_LINE = 7
POLL_SECONDS = 0.02
# A fast shutdown writes a checkpoint; past this the server is stopped as by a crash, which loses nothing committed.
FAST_SHUTDOWN_SECONDS = 60.0
IMMEDIATE_SHUTDOWN_SECONDS = 15.0


@dataclass(frozen=True, kw_only=True)
class Postmaster:
    """A running server: its process works in `data`, and it is not a zombie."""

    data: Path
    pid: int
    socket_directory: Path

    def is_running(self) -> bool:
        return _works_in(self.pid, self.data)

    def says_ready(self) -> bool:
        return _read_pid_file(self.data)[STATUS_LINE:] == ["ready"]


def find_postmaster(data: Path) -> Postmaster | None:
    """The running server of this data directory. A pid file alone proves nothing: the number may be a zombie's."""
    lines = _read_pid_file(data)
    if len(lines) <= SOCKET_LINE or not lines[0].isdecimal() or not lines[SOCKET_LINE]:
        return None  # not listening yet, or cut short by a full disk
    postmaster = Postmaster(data=data, pid=int(lines[0]), socket_directory=Path(lines[SOCKET_LINE]))
    return postmaster if postmaster.is_running() else None


def clear_after_kill(data: Path) -> None:
    """Remove a dead server's pid file, once none of its processes is left.

    Postgres would take a zombie, or another program with that number, for the old server and refuse to start. Its
    processes end when they notice the death of the first; a start before that could let two servers write one file.
    """
    if not (data / PID_FILE).exists():
        return
    if not _wait_until(lambda: not _processes_in(data), seconds=5.0):
        for process in _processes_in(data):
            process.send_signal(signal.SIGQUIT)  # Postgres's own "stop as in a crash"
        if not _wait_until(lambda: not _processes_in(data), seconds=IMMEDIATE_SHUTDOWN_SECONDS):
            pids = ", ".join(str(process.pid) for process in _processes_in(data))
            raise ServerFailed(
                f"processes {pids} of a killed database server in {data} do not end; end them and try again"
            )
    (data / PID_FILE).unlink(missing_ok=True)


def stop_postmaster(postmaster: Postmaster) -> None:
    """Stop the server: open connections are cut, everything committed is kept."""
    for signal_number, seconds in (
        (signal.SIGINT, FAST_SHUTDOWN_SECONDS),
        (signal.SIGQUIT, IMMEDIATE_SHUTDOWN_SECONDS),
    ):
        try:
            psutil.Process(postmaster.pid).send_signal(signal_number)
        except psutil.NoSuchProcess:
            return
        if _wait_until(lambda: not postmaster.is_running(), seconds=seconds):
            return
    raise ServerFailed(
        f"the database server (process {postmaster.pid}) does not stop; see its log beside {postmaster.data}"
    )


def _read_pid_file(data: Path) -> list[str]:
    try:
        return [line.strip() for line in (data / PID_FILE).read_text().splitlines()]
    except (FileNotFoundError, NotADirectoryError):
        return []


def is_alive(pid: int) -> bool:
    """Whether a process with this number runs; a zombie does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _works_in(pid: int, data: Path) -> bool:
    try:
        return psutil.Process(pid).cwd() == str(data)
    except (psutil.NoSuchProcess, psutil.AccessDenied):  # a zombie counts as NoSuchProcess here
        return False


def _processes_in(data: Path) -> list[psutil.Process]:
    """Every live process whose working directory is the data directory: the server and its children."""
    return [process for process in psutil.process_iter() if _works_in(process.pid, data)]


def _wait_until(condition: Callable[[], bool], *, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True
