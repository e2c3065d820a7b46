"""What a command does with the embedded server, as a process that tests can kill: start, print the URL, wait, stop."""

import sys
from pathlib import Path

from worker.postgres import EmbeddedPostgres

if __name__ == "__main__":
    with EmbeddedPostgres(Path(sys.argv[1])) as url:
        print(url, flush=True)  # noqa: T201  # the test reads it
        sys.stdin.read()
