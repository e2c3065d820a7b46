"""`apportion strategies add`: an entry of a strategy file is asked some tasks, placed, and joins the pool."""

from pathlib import Path

from rich.console import Console
from rich.text import Text
from sqlalchemy.orm import Session

from db.predictors import has_champion
from db.session import run_in_transaction
from db.states import StrategyMode
from db.strategy_modes import append_change, lock_strategy, read_mode
from gateway.commands.probe import Asked, probe_strategy
from gateway.commands.strategy_life import MEANINGS, name_person
from gateway.console import CommandConsole
from gateway.exit_codes import ExitCode
from gateway.json_option import print_json
from gateway.known_strategy import find_strategy
from worker.database import open_database
from worker.errors import StrategyUnusable
from worker.pool import read_strategy_file
from worker.settings import read_settings
from worker.submission import TENANT


def add_strategy(
    console: Console, *, job_file: Path, strategy_file: Path, asked: Asked, mode: StrategyMode, as_json: bool
) -> ExitCode:
    """Until it is placed, jobs do without it; the same command goes on where it was stopped."""
    pool = read_strategy_file(strategy_file)
    entry = pool.strategies[find_strategy(pool, strategy_file, asked.strategy)]
    with open_database(read_settings()) as database:
        run_in_transaction(database, lambda session: _set_aside(session, entry.name, entry.spec_hash))
    beside = CommandConsole(stderr=True) if as_json else console
    code = probe_strategy(beside, job_file=job_file, strategy_file=strategy_file, asked=asked, mode=mode, as_json=False)
    if code is not ExitCode.DONE:
        return code
    reason = f"added with {asked.probes} probes of {job_file.name}"
    with open_database(read_settings()) as database:
        run_in_transaction(database, lambda session: _change(session, entry.name, mode, reason))
    if as_json:
        print_json(console, {"strategy": entry.name, "mode": mode, "reason": reason})
    else:
        console.print(Text(f"strategy {entry.name} is {mode}: {MEANINGS[mode]}"))
    return ExitCode.DONE


def _set_aside(session: Session, name: str, spec_hash: str) -> None:
    """Nobody waits for a strategy of which nothing is known yet; StrategyUnusable where it is retired."""
    lock_strategy(session, tenant_id=TENANT, name=name)
    before = read_mode(session, tenant_id=TENANT, name=name)
    if before is StrategyMode.RETIRED:
        raise StrategyUnusable(f"strategy {name} is retired, which is final: give its entry in the file another name")
    if before is StrategyMode.ENABLED and not has_champion(session, tenant_id=TENANT, spec_hash=spec_hash):
        _change(session, name, StrategyMode.DISABLED, "is being added")


def _change(session: Session, name: str, mode: StrategyMode, reason: str) -> None:
    append_change(session, tenant_id=TENANT, name=name, mode=mode, changed_by=name_person(), reason=reason)
