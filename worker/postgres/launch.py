"""Starting the server, and waiting until it answers."""

import time
from pathlib import Path

import psycopg

from worker.postgres.binaries import Binaries
from worker.postgres.cluster import SUPERUSER
from worker.postgres.errors import EmbeddedPostgresError, FolderUnusable, ServerFailed
from worker.postgres.folder import ServerFolder
from worker.postgres.postmaster import POLL_SECONDS, Postmaster, find_postmaster, is_alive
from worker.postgres.server_user import ServerUser, last_lines, run_as
from worker.postgres.sockets import SOCKET_NAME

# Crash recovery replays at most max_wal_size of log.
START_SECONDS = 90.0
LARGEST_LOG_BYTES = 10 * 2**20

# Given on the command line, so that a new release's values reach existing clusters. What is not here keeps Postgres's
# default; fsync stays on, because the ledger must survive a power cut.
SETTINGS = {
    "listen_addresses": "",
    "shared_buffers": "64MB",
    "max_wal_size": "512MB",
    "wal_buffers": "16MB",  # who stores a large job would wait for its log with the 2 MB that these buffers bring
    "max_parallel_workers_per_gather": "0",  # parallel plans need /dev/shm, which containers keep tiny
    "jit": "off",  # compiling costs more than our short queries take
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "logging_collector": "off",
}


# The shell ends at once, so the server is nobody's child. pg_ctl would put its paths inside a shell command instead.
DETACH = '"$@" </dev/null >>"$0" 2>&1 & echo $!'


def launch_server(folder: ServerFolder, binaries: Binaries, user: ServerUser, socket_directory: Path) -> Postmaster:
    """Start the server in a session of its own and return when it answers. To be called under the change lock."""
    _rotate_log(folder.log)
    before_bytes = folder.log.stat().st_size if folder.log.exists() else 0
    settings = SETTINGS | {"unix_socket_directories": str(socket_directory), "unix_socket_permissions": "0700"}
    command = [binaries.program("postgres"), "-D", str(folder.data)]
    command += [argument for name, value in settings.items() for argument in ("-c", f"{name}={value}")]
    started = run_as(user, ["/bin/sh", "-c", DETACH, str(folder.log), *command], timeout_seconds=30)
    postmaster = _wait_for_pid_file(folder.data, int(started.stdout))
    if postmaster is None or not wait_for_answer(server_url(folder, postmaster), postmaster):
        raise ServerFailed(
            f"the database server in {folder.root} did not start ({folder.free_mib():.0f} MiB free there). "
            f"It said:\n{_read_log(folder.log, before_bytes)}"
        )
    return postmaster


def _wait_for_pid_file(data: Path, pid: int) -> Postmaster | None:
    """The server once it has said where it listens; None when its process ended before."""
    while (postmaster := find_postmaster(data)) is None and is_alive(pid):
        time.sleep(POLL_SECONDS)
    return postmaster


def server_url(folder: ServerFolder, postmaster: Postmaster) -> str:
    """The URL of the running server, for SQLAlchemy and psycopg alike."""
    try:
        password = folder.password.read_text()
    except OSError as error:
        raise FolderUnusable(
            f"the password of the database in {folder.root} cannot be read: {error}; run as the user who made it, "
            "or name another data directory"
        ) from error
    host = str(postmaster.socket_directory).replace("%", "%25").replace("+", "%2B").replace("/", "%2F")
    return f"postgresql://{SUPERUSER}:{password}@/postgres?host={host}"


def wait_for_answer(url: str, postmaster: Postmaster) -> bool:
    """True once the server answers a query; False when it ended or lost its socket: then it is to be started anew."""
    deadline = time.monotonic() + START_SECONDS
    while postmaster.is_running() and not _lost_socket(postmaster):
        try:
            with psycopg.connect(url, connect_timeout=10) as connection:
                connection.execute("SELECT 1")
                return True
        except psycopg.OperationalError as error:
            if time.monotonic() > deadline:
                raise EmbeddedPostgresError(f"the database server runs but does not answer: {error}") from error
            time.sleep(POLL_SECONDS)
    return False


def _lost_socket(postmaster: Postmaster) -> bool:
    """A server that says it is ready, but whose socket was removed: a cleaner of /tmp does that."""
    return postmaster.says_ready() and not (postmaster.socket_directory / SOCKET_NAME).exists()


def _rotate_log(log: Path) -> None:
    if log.exists() and log.stat().st_size > LARGEST_LOG_BYTES:
        log.replace(log.with_suffix(".log.old"))


def _read_log(log: Path, start_bytes: int) -> str:
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(start_bytes)
        return last_lines(file.read().decode(errors="replace"))
