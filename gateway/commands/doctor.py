"""`apportion doctor`: whether this machine, the servers and the workers are well, and the database's books in order."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.text import Text

from gateway.doctor.broker import look_at_broker
from gateway.doctor.database import look_at_database
from gateway.doctor.finding import Finding, attempt
from gateway.doctor.machine import look_at_disks, look_at_engines, look_at_sandbox
from gateway.doctor.pool import look_at_pool
from gateway.exit_codes import ExitCode
from gateway.json_option import print_json
from worker.settings import Settings, read_settings


def examine(console: Console, *, strategy_file: Path | None, as_json: bool) -> ExitCode:
    """Look at everything, whatever is wrong on the way; UNHEALTHY when something is."""
    findings = []
    for finding in _look(read_settings(), strategy_file):
        findings.append(finding)
        if as_json:
            continue
        mark = ("\N{CHECK MARK} ", "green") if finding.well else ("\N{BALLOT X} ", "red")
        console.print(Text.assemble(mark, finding.text))
    if as_json:
        print_json(console, [{"well": finding.well, "text": finding.text} for finding in findings])
    return ExitCode.DONE if all(finding.well for finding in findings) else ExitCode.UNHEALTHY


def _look(settings: Settings, strategy_file: Path | None) -> Iterator[Finding]:
    yield from attempt(partial(look_at_disks, settings))
    yield from attempt(look_at_engines)
    yield from attempt(look_at_sandbox)
    if strategy_file is not None:
        yield from attempt(partial(look_at_pool, settings, strategy_file))
    yield from attempt(partial(look_at_broker, settings))
    yield from attempt(partial(look_at_database, settings))
