"""`apportion strategies enable`, `disable`, `shadow`, `retire` and `history`."""

import os
import pwd
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text
from sqlalchemy.orm import Session

from db.session import run_in_transaction, session_scope
from db.states import StrategyMode
from db.strategies import list_latest_strategies
from db.strategy_modes import StrategyChange, list_changes, read_latest_changes
from gateway.exit_codes import ExitCode
from gateway.json_option import print_json
from worker.database import open_database
from worker.settings import read_settings
from worker.strategy_life import Turned, require_versions, turn
from worker.submission import TENANT

LISTED = 100
MEANINGS: Mapping[StrategyMode, str] = {
    StrategyMode.ENABLED: "jobs that are submitted from now on use it",
    StrategyMode.SHADOW: "it is predicted for, and nothing is routed to it",
    StrategyMode.DISABLED: "nothing is routed to it until it is enabled again",
    StrategyMode.RETIRED: "nothing is routed to it any more; its history is kept",
}


def turn_strategy(console: Console, *, name: str, mode: StrategyMode, reason: str, as_json: bool) -> ExitCode:
    """Routers follow with their next window; nothing changes where the strategy is used so already."""
    change = partial(turn, name=name, mode=mode, changed_by=name_person(), reason=reason)
    with open_database(read_settings()) as database:
        turned = run_in_transaction(database, change)
    if as_json:
        print_json(console, describe_turned(turned, name=name, mode=mode))
    else:
        console.print(Text(_say_turned(turned, name=name, mode=mode)))
    return ExitCode.DONE


def name_person() -> str:
    """Who gives the command."""
    return f"{pwd.getpwuid(os.getuid()).pw_name}, command line"


def describe_turned(turned: Turned | None, *, name: str, mode: StrategyMode) -> dict[str, Any]:
    """As JSON values."""
    recalled = 0 if turned is None else turned.recalled
    return {"strategy": name, "mode": mode, "changed": turned is not None, "recalled_tasks": recalled}


def _say_turned(turned: Turned | None, *, name: str, mode: StrategyMode) -> str:
    if turned is None:
        return f"strategy {name} is {mode} already"
    recalled = f"; {turned.recalled:,} tasks that waited for it are routed to others" if turned.recalled else ""
    return f"strategy {name} is {mode}: {MEANINGS[mode]}{recalled}"


def show_history(console: Console, *, name: str | None, as_json: bool) -> ExitCode:
    """Who made a strategy what it is, the latest first; of all strategies the latest change of each."""
    with open_database(read_settings()) as database, session_scope(database) as session:
        changes = _list_latest(session) if name is None else _list_own(session, name)
    if as_json:
        print_json(console, changes)
        return ExitCode.DONE
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="dim", caption=None if changes else "no changes yet")
    for heading in ("strategy", "mode", "since", "by", "why"):
        table.add_column(heading, overflow="fold")
    for change in changes:
        at = change["created_at"]
        since = "" if at is None else f"{at:%Y-%m-%d %H:%M}"
        table.add_row(*map(Text, (change["name"], change["mode"], since, change["changed_by"], change["reason"])))
    console.print(table)
    return ExitCode.DONE


def _list_own(session: Session, name: str) -> Sequence[dict[str, Any]]:
    require_versions(session, name=name)
    return [asdict(change) for change in list_changes(session, tenant_id=TENANT, name=name, limit=LISTED)]


def _list_latest(session: Session) -> Sequence[dict[str, Any]]:
    changes = read_latest_changes(session, tenant_id=TENANT)
    names = [own.name for own in list_latest_strategies(session, tenant_id=TENANT)]
    return [_describe(name, changes.get(name)) for name in sorted({*names, *changes})]


def _describe(name: str, change: StrategyChange | None) -> dict[str, Any]:
    if change is not None:
        return asdict(change)
    never = {"changed_by": "", "reason": "", "created_at": None}
    return {"name": name, "mode": StrategyMode.ENABLED, **never}
