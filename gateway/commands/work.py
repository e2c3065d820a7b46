"""`apportion worker`: a Celery worker of some queues, in place of this process."""

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.text import Text

from gateway.errors import UsageError
from gateway.exit_codes import ExitCode
from worker.pool import read_strategy_file
from worker.queues import RECONCILER, ROUTER, TRAINER, engine_of, engine_queue
from worker.settings import Settings, give_environment, read_settings
from worker.station_bootstrap import check_queues


def become_worker(console: Console, *, roles: Sequence[str], strategy_file: Path | None) -> ExitCode:
    """Does not come back: the process is Celery's from here on, and its exit code as well."""
    settings = read_settings()
    if strategy_file is not None:
        settings = replace(settings, strategies=strategy_file.absolute())
    if not settings.has_workers:
        raise UsageError(
            "APPORTION_BROKER_URL is not set: workers are rung through a broker, so name one; without a broker `run` "
            "and `serve` do the work themselves"
        )
    queues = list(dict.fromkeys(roles)) or _list_all(settings)
    check_queues(queues, settings=settings)
    _require_engines(queues, settings)
    console.print(Text(f"working as {', '.join(queues)}; Ctrl-C or SIGTERM drains"))
    console.file.flush()
    words = ["-A", "worker.app", "worker", "-Q", ",".join(queues), "-n", f"apportion-{os.getpid()}@%h", "-l", "INFO"]
    os.execve(sys.executable, [sys.executable, "-m", "celery", *words], give_environment(settings))  # noqa: S606


def _list_all(settings: Settings) -> list[str]:
    """Everything that a worker can be here."""
    if settings.strategies is None:
        return [ROUTER, RECONCILER]
    engines = read_strategy_file(settings.strategies).engines
    return [ROUTER, RECONCILER, TRAINER, *map(engine_queue, engines)]


def _require_engines(queues: Sequence[str], settings: Settings) -> None:
    wanted = [engine for engine in map(engine_of, queues) if engine is not None]
    if not wanted:
        return
    assert settings.strategies is not None, "checked with the queues"
    known = read_strategy_file(settings.strategies).engines
    for engine in wanted:
        if engine not in known:
            raise UsageError(f"{settings.strategies} has no engine {engine}: it has {', '.join(known)}")
