"""The server of a test run ends with the run."""

import subprocess
import sys
from pathlib import Path

from sqlalchemy import make_url

from tests.waiting import wait_until

CHECKOUT = Path(__file__).parent.parent

RUN = """
import subprocess, sys
command = [sys.executable, "-m", "tests.private_postgres"]
server = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
server.wait()
"""


def test_a_killed_test_run_leaves_no_server_and_no_files() -> None:
    with subprocess.Popen([sys.executable, "-c", RUN], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        socket_directory = Path(str(make_url(run.stdout.readline().strip()).query["host"]))
        folder = socket_directory.parent.parent
        assert folder.name.startswith("apportion-test-")
        run.kill()
    wait_until(lambda: not folder.exists())
