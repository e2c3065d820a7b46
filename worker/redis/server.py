"""A Redis server for one owner: it listens where only its user can reach it, keeps nothing, and ends with its owner."""

import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as NoAnswer
from redis.retry import Retry

from worker.postgres.postmaster import is_alive
from worker.postgres.server_user import SERVER_ENVIRONMENT, last_lines
from worker.redis.errors import RedisFailed
from worker.redis.program import find_program

START_SECONDS = 30.0
POLL_SECONDS = 0.01
SOCKET_NAME = "socket"
LOG_NAME = "server.log"

# A shell that starts a server for each line it reads, and says its number. When its input ends, because the owner
# closed it or died, however it died, the shell kills the server (a shutdown would save nothing more) and removes the
# folder. PR_SET_PDEATHSIG would not do: it fires when the thread that started the server ends.
KEEPER = f"""
while read -r _; do "$@" >>"$0/{LOG_NAME}" 2>&1 & echo $!; done
kill -KILL $! 2>/dev/null; wait; rm -rf -- "$0"
"""

SETTINGS = {
    "port": "0",  # no TCP: no port can be taken
    "unixsocket": SOCKET_NAME,
    "unixsocketperm": "700",
    "save": "",  # what waits in the broker stands in the database as well
    "appendonly": "no",
    "daemonize": "no",
}


class PrivateRedis:
    """A running server, and how to start it again where it was."""

    def __init__(self, folder: Path, keeper: subprocess.Popen[str]) -> None:
        self._folder = folder
        self._keeper = keeper
        self.pid = 0  # of the server that was started last

    @property
    def url(self) -> str:
        """The address for Celery, the same after every start."""
        return f"redis+socket://{self._folder / SOCKET_NAME}"

    def connect(self) -> Redis:
        """A client of the server, which says at once when nobody answers."""
        return Redis(unix_socket_path=str(self._folder / SOCKET_NAME), retry=Retry(NoBackoff(), 0))

    def start(self) -> None:
        """Start the server, unless it runs; RedisFailed when it does not answer."""
        if is_alive(self.pid):
            return
        assert self._keeper.stdin is not None
        assert self._keeper.stdout is not None
        self._keeper.stdin.write("start\n")
        self._keeper.stdin.flush()
        self.pid = int(self._keeper.stdout.readline())
        self._wait_for_answer()

    def _wait_for_answer(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        with self.connect() as client:
            while True:
                try:
                    client.ping()
                except NoAnswer:
                    if not is_alive(self.pid) or time.monotonic() > deadline:
                        said = last_lines((self._folder / LOG_NAME).read_text(errors="replace"))
                        raise RedisFailed(f"the Redis server did not start. It said:\n{said}") from None
                    time.sleep(POLL_SECONDS)
                else:
                    return


@contextmanager
def run_redis() -> Iterator[PrivateRedis]:
    """A server with nothing in it, for as long as the context lasts and its process lives; all it wrote is removed."""
    program = find_program()
    # Not TMPDIR: that may be longer than the path of a socket can be. Nobody else may enter what mkdtemp makes.
    folder = Path(tempfile.mkdtemp(prefix="apportion-redis-", dir="/tmp"))  # see above
    settings = SETTINGS | {"dir": str(folder)}
    options = [part for name, value in settings.items() for part in (f"--{name}", value)]
    with subprocess.Popen(
        ["/bin/sh", "-c", KEEPER, str(folder), str(program), *options],
        cwd=folder,
        env=SERVER_ENVIRONMENT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C ends the owner first, the server after it
    ) as keeper:
        server = PrivateRedis(folder, keeper)
        server.start()
        yield server
