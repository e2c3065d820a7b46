"""What a command does with the embedded server, as a process that tests can kill: start, print the URL, wait, stop."""

import signal
import sys
from pathlib import Path

from worker.postgres import EmbeddedPostgres

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs inherit that it is ignored
    with EmbeddedPostgres(Path(sys.argv[1])) as url:
        print(url, flush=True)  # noqa: T201  # the test reads it
        sys.stdin.read()
