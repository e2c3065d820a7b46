"""A RabbitMQ for one test run: ends with the run, even when the run is killed.

The run holds the standard input of the process that this module is: the first line kills the server, the next one is
answered by a new, empty one at the same address, and so on. When the input ends, the server is killed and its folder
removed.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from kombu import Connection

from tests.waiting import wait_until

CHECKOUT = Path(__file__).parent.parent
START_SECONDS = 120.0
LOCAL = "127.0.0.1"
KILLED = "killed"

# Debian's own knows one place for Erlang, and its packages may have been unpacked elsewhere.
ERL = """#!/bin/sh
export ROOTDIR={root} BINDIR={programs} EMU=beam PROGNAME=erl
exec {programs}/erlexec "$@"
"""


class PrivateRabbitMQ:
    """The server as a test sees it."""

    def __init__(self, owner: subprocess.Popen[str]) -> None:
        self._owner = owner
        self.url = self._read_line()

    def kill(self) -> None:
        """Kill the server: all it held is lost."""
        self._tell("kill")
        assert self._read_line() == KILLED

    def start(self) -> None:
        """Start an empty server at the address of the killed one."""
        self._tell("start")
        assert self._read_line() == self.url

    def restart(self) -> None:
        """Kill the server and start an empty one at its address."""
        self.kill()
        self.start()

    def _tell(self, word: str) -> None:
        assert self._owner.stdin is not None
        self._owner.stdin.write(f"{word}\n")
        self._owner.stdin.flush()

    def _read_line(self) -> str:
        assert self._owner.stdout is not None
        line = self._owner.stdout.readline().strip()
        assert line, "RabbitMQ did not start; its error is above"
        return line


@contextmanager
def run_rabbitmq(prefix: Path) -> Iterator[PrivateRabbitMQ]:
    """A server of the RabbitMQ whose files lie under `prefix` as Debian's packages lay them."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.private_rabbitmq", str(prefix)],
        cwd=CHECKOUT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C ends the tests first, the server after them
    ) as owner:
        yield PrivateRabbitMQ(owner)


@dataclass(frozen=True, kw_only=True)
class _Node:
    """Where one server's files and ports are."""

    server: Path
    erlang: Path  # Erlang's programs
    folder: Path
    port: int
    node_port: int  # Erlang's own protocol
    names_port: int  # of the daemon that knows which node has which port

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@{LOCAL}:{self.port}//"

    @property
    def stored(self) -> Path:
        return self.folder / "mnesia"

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    def environment(self) -> Mapping[str, str]:
        """Nothing of the caller's: its RABBITMQ_* variables would name other files."""
        return {
            "HOME": str(self.folder),  # Erlang keeps a secret there
            "PATH": f"{self.folder}:{self.erlang}:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "ERL_EPMD_PORT": str(self.names_port),
            "ERL_EPMD_ADDRESS": LOCAL,
            "RABBITMQ_NODENAME": "apportion@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": LOCAL,
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self.node_port),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "RABBITMQ_MNESIA_BASE": str(self.stored),
            "RABBITMQ_LOG_BASE": str(self.folder),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_CONFIG_FILE": str(self.folder / "none"),
            "RABBITMQ_CONF_ENV_FILE": str(self.folder / "none"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "none"),
        }


def _make_node(prefix: Path, folder: Path) -> _Node:
    server = prefix / "usr/lib/rabbitmq/bin/rabbitmq-server"
    programs = sorted(prefix.glob("usr/lib/erlang/erts-*/bin"))
    if not server.exists() or not programs:
        sys.exit(
            f"no RabbitMQ under {prefix}: install Debian's package rabbitmq-server, or unpack it with the packages "
            "erlang-* that it depends on into a folder, and name that: make test-rabbitmq RABBITMQ=FOLDER"
        )
    erl = folder / "erl"
    erl.write_text(ERL.format(root=programs[-1].parent.parent, programs=programs[-1]))
    erl.chmod(0o700)
    with ExitStack() as stack:  # all open at once, so that no number is given twice
        sockets = [stack.enter_context(socket.create_server((LOCAL, 0))) for _ in range(3)]
        port, node_port, names_port = (own.getsockname()[1] for own in sockets)
    return _Node(
        server=server, erlang=programs[-1], folder=folder, port=port, node_port=node_port, names_port=names_port
    )


@contextmanager
def _run_node(node: _Node) -> Iterator[None]:
    """The server from its start until it is killed; what it stored is removed."""
    with node.log.open("w") as log, ExitStack() as stack:
        for command in ([str(node.erlang / "epmd"), "-port", str(node.names_port)], [str(node.server)]):
            process = stack.enter_context(
                subprocess.Popen(
                    command,
                    env=node.environment(),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            )
            stack.callback(os.killpg, process.pid, signal.SIGKILL)
        wait_until(lambda: process.poll() is not None or _answers(node.url), seconds=START_SECONDS)
        assert process.poll() is None, node.log.read_text()[-2000:]
        yield
    shutil.rmtree(node.stored)


def _answers(url: str) -> bool:
    try:
        with Connection(url, connect_timeout=5) as connection:
            connection.connect()
    except OSError:
        return False
    return True


def _serve_until_input_ends(prefix: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="apportion-rabbitmq-") as folder:
        node = _make_node(prefix, Path(folder))
        line = "start"
        while line:
            with _run_node(node):
                print(node.url, flush=True)  # noqa: T201  # the run reads it
                line = sys.stdin.readline()
            if line:
                print(KILLED, flush=True)  # noqa: T201  # as above
                line = sys.stdin.readline()


if __name__ == "__main__":
    _serve_until_input_ends(Path(sys.argv[1]))
