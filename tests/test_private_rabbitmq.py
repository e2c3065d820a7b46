"""The RabbitMQ of a test run: empty after a restart, and gone with the run."""

import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from kombu import Connection

from tests.private_rabbitmq import PrivateRabbitMQ
from tests.waiting import wait_until

CHECKOUT = Path(__file__).parent.parent

RUN = """
import pathlib, sys
from tests.private_rabbitmq import run_rabbitmq
with run_rabbitmq(pathlib.Path(sys.argv[1])) as server:
    print(server.url, flush=True)
    sys.stdin.read()
"""


@pytest.mark.rabbitmq
def test_a_restarted_server_is_empty_at_its_address(rabbitmq_server: PrivateRabbitMQ) -> None:
    assert waiting_messages(rabbitmq_server.url) == 0
    with Connection(rabbitmq_server.url) as connection, connection.SimpleQueue("kept") as queue:
        queue.put("ring")
    assert waiting_messages(rabbitmq_server.url) == 1
    rabbitmq_server.restart()
    assert waiting_messages(rabbitmq_server.url) == 0


def waiting_messages(url: str) -> int:
    with Connection(url) as connection, connection.SimpleQueue("kept") as queue:
        return int(queue.qsize())


@pytest.mark.rabbitmq
def test_a_killed_test_run_leaves_no_server(rabbitmq_prefix: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", RUN, str(rabbitmq_prefix)],
        cwd=CHECKOUT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as run:
        assert run.stdout is not None
        assert run.stdout.readline().startswith("amqp://")
        started = psutil.Process(run.pid).children(recursive=True)
        assert any(process.name().startswith("beam") for process in started)
        run.kill()
    wait_until(lambda: not any(process.is_running() for process in started))


def test_a_missing_rabbitmq_is_an_error_that_names_the_remedy(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.private_rabbitmq", str(tmp_path)]
    result = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "install Debian's package rabbitmq-server" in result.stderr
