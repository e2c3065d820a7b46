"""A server for one test run: ends with the run, even when the run is killed.

The run holds this process's standard input; when it dies, however it dies, the pipe closes, and the server is stopped
and its folder removed.
"""

import shutil
import sys

from tests.open_directory import make_open_directory
from worker.postgres import EmbeddedPostgres


def serve_until_input_ends() -> None:
    folder = make_open_directory()
    try:
        with EmbeddedPostgres(folder / "postgres") as url:
            print(url, flush=True)  # noqa: T201  # the run reads it
            sys.stdin.read()
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    serve_until_input_ends()
