"""`apportion serve`: the HTTP API, until it is asked to end."""

import sys
from pathlib import Path

import uvicorn
from rich.console import Console

from gateway.api.app import create_app
from gateway.api.json_log import log_as_json
from gateway.bootstrap import open_front_door
from gateway.exit_codes import ExitCode
from worker.settings import read_settings


def serve(console: Console, *, strategy_file: Path, host: str, port: int) -> ExitCode:
    """Serve until SIGTERM or Ctrl-C; requests under way are answered first."""
    settings = read_settings()
    with open_front_door(settings, strategy_file=strategy_file) as door:
        console.print(f"serving http://{host}:{port}/v1")
        log_as_json(sys.stderr)
        uvicorn.run(
            create_app(door),
            host=host,
            port=port,
            log_config=None,
            access_log=False,  # each request has a line of our own
            server_header=False,
            timeout_graceful_shutdown=int(settings.drain_seconds),
        )
    return ExitCode.DONE
