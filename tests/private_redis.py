"""A Redis server for tests, and its violent death."""

import os
import signal

from tests.waiting import wait_until
from worker.postgres.postmaster import is_alive
from worker.redis import PrivateRedis


def kill_redis(server: PrivateRedis) -> None:
    """Kill the server and see it dead: all it held is lost, and `server.start()` gives an empty one at its address."""
    os.kill(server.pid, signal.SIGKILL)
    wait_until(lambda: not is_alive(server.pid))
