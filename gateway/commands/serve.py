"""`apportion serve`: the HTTP API, until it is asked to end."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from rich.console import Console

from gateway.api.app import create_app
from gateway.bootstrap import open_front_door
from gateway.desk.keeper import DeskKeeper
from gateway.exit_codes import ExitCode
from gateway.interrupts import Interrupts
from gateway.json_log import log_as_json
from worker.settings import read_settings


def serve(console: Console, *, strategy_file: Path, host: str, port: int) -> ExitCode:
    """Serve until SIGTERM or Ctrl-C; requests under way are answered first."""
    settings = read_settings()
    with (
        open_front_door(settings, strategy_file=strategy_file) as door,
        DeskKeeper(settings, strategy_file=strategy_file),
    ):
        console.print(f"serving http://{host}:{port}/v1")
        log_as_json(sys.stderr)
        config = uvicorn.Config(
            create_app(door),
            host=host,
            port=port,
            log_config=None,
            access_log=False,  # each request has a line of our own
            server_header=False,
            timeout_graceful_shutdown=int(settings.drain_seconds),
        )
        ApiServer(config).run()
    return ExitCode.DONE


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
