"""A server for one test run: ends with the run, even when the run is killed.

The run holds this process's standard input; when it dies, however it dies, the pipe closes, and the server is stopped
and its folder removed.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

from worker.postgres import EmbeddedPostgres


def serve_until_input_ends() -> None:
    folder = Path(tempfile.mkdtemp(prefix="apportion-test-"))
    try:
        if os.geteuid() == 0:
            folder.chmod(0o755)  # ours; the server's unprivileged user has to pass
        with EmbeddedPostgres(folder / "postgres") as url:
            print(url, flush=True)  # noqa: T201  # the run reads it
            sys.stdin.read()
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    serve_until_input_ends()
