"""`apportion serve`: the HTTP API, until it is asked to end."""

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from rich.console import Console
from rich.text import Text

from db.api_keys import has_keys
from db.session import session_scope
from gateway.api.app import create_app
from gateway.api.callers import LOOPBACK
from gateway.api.front_door import FrontDoor
from gateway.bootstrap import open_front_door
from gateway.errors import UsageError
from gateway.exit_codes import ExitCode
from gateway.interrupts import Interrupts
from worker.json_log import LogFormat, write_log
from worker.settings import read_settings


def serve(console: Console, *, strategy_file: Path, host: str, port: int) -> ExitCode:
    """Serve until SIGTERM or Ctrl-C; requests under way are answered first."""
    settings = read_settings()
    with open_front_door(settings, strategy_file=strategy_file) as door:
        _require_keys(door, host=host)
        listening = _listen(host, port)
        console.print(Text(f"serving http://{host}:{listening.getsockname()[1]}/v1 to {_say_whom(door)}"))
        write_log(sys.stderr, log_format=settings.log_format or LogFormat.JSON)
        config = uvicorn.Config(
            create_app(door),
            log_config=None,
            access_log=False,  # each request has a line of our own
            server_header=False,
            timeout_graceful_shutdown=int(settings.drain_seconds),
        )
        ApiServer(config).run(sockets=[listening])
    return ExitCode.DONE


def _require_keys(door: FrontDoor, *, host: str) -> None:
    """UsageError for an address that others can reach, as long as nobody has a key."""
    if host not in LOOPBACK and not _is_locked(door):
        raise UsageError(
            f"--host {host} can be reached from other machines, and there are no API keys: make one with "
            "`apportion keys create NAME`, or leave --host out to answer this machine alone"
        )


def _say_whom(door: FrontDoor) -> str:
    return "whoever has an API key" if _is_locked(door) else "this machine alone, since there are no API keys"


def _is_locked(door: FrontDoor) -> bool:
    with session_scope(door.database) as session:
        return has_keys(session)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise UsageError(f"port {port} of {host} can not be listened at: {error.strerror or error}") from None


class ApiServer(uvicorn.Server):
    """Ends by returning: uvicorn's own way is to die of the signal, before the database and the desk are closed."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Finish what is under way when asked once, end at once when asked twice."""
        with Interrupts(on_drain=self._drain, on_abort=self._abort):
            yield

    def _drain(self) -> None:
        self.should_exit = True

    def _abort(self) -> None:
        self.force_exit = True
