"""An owner of a Redis server, as a process that tests can kill: start, print address and process, wait, stop."""

import sys

from worker.redis import run_redis

if __name__ == "__main__":
    with run_redis() as server:
        print(server.url, server.pid, flush=True)  # noqa: T201  # the test reads it
        sys.stdin.read()
