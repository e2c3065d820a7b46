"""`apportion doctor`: whether this machine can work, and whether the database's books are in order."""

import shutil
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.text import Text
from sqlalchemy import Engine as Database

from db.invariants import find_violations
from db.session import session_scope
from gateway.exit_codes import ExitCode
from gateway.failures import describe_failure
from worker.database import open_database
from worker.pool import load_pool
from worker.settings import Settings, read_settings

LEAST_FREE_GIB = 2.0
ENGINE_MODULES = ("vllm", "transformers")


class Finding(NamedTuple):
    """One thing that was looked at."""

    well: bool
    text: str


def examine(console: Console, *, strategy_file: Path | None) -> ExitCode:
    """Look at everything, whatever is wrong on the way; UNHEALTHY when something is."""
    findings = []
    for finding in _look(read_settings(), strategy_file):
        findings.append(finding)
        mark = ("\N{CHECK MARK} ", "green") if finding.well else ("\N{BALLOT X} ", "red")
        console.print(Text.assemble(mark, finding.text))
    return ExitCode.DONE if all(finding.well for finding in findings) else ExitCode.UNHEALTHY


def _look(settings: Settings, strategy_file: Path | None) -> Iterator[Finding]:
    yield _look_at_disk(settings.data_directory)
    yield _look_at_engines()
    if strategy_file is not None:
        yield _attempt(lambda: _look_at_pool(settings, strategy_file))
    yield _attempt(lambda: _look_at_database(settings))


def _attempt(look: Callable[[], Finding]) -> Finding:
    try:
        return look()
    except Exception as error:  # a doctor reports what it meets
        return Finding(False, describe_failure(error).message)


def _look_at_disk(folder: Path) -> Finding:
    present = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free_gib = shutil.disk_usage(present).free / 2**30
    wanted = "" if free_gib >= LEAST_FREE_GIB else f": at least {LEAST_FREE_GIB:g} GiB are wanted"
    return Finding(not wanted, f"disk under {folder}: {free_gib:.1f} GiB free{wanted}")


def _look_at_engines() -> Finding:
    found = [module for module in ENGINE_MODULES if find_spec(module)]
    return Finding(bool(found), f"engines installed: {', '.join(found) or 'none; only remote servers can answer'}")


def _look_at_pool(settings: Settings, strategy_file: Path) -> Finding:
    pool = load_pool(strategy_file, cache_directory=settings.cache_directory)
    return Finding(True, f"{strategy_file}: {len(pool.strategies)} strategies, {len(pool.models)} models found")


def _look_at_database(settings: Settings) -> Finding:
    with open_database(settings) as database:
        return _look_at_books(database)


def _look_at_books(database: Database) -> Finding:
    with session_scope(database) as session:
        violations = find_violations(session)
    if not violations:
        return Finding(True, "database: migrated, every invariant holds")
    broken = "; ".join(f"{violation.invariant}: {violation.row}" for violation in violations)
    return Finding(False, f"database: {len(violations)} broken invariants: {broken}")
