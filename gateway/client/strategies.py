"""What a server routes to, and for what it uses each: `strategies list`, `enable`, `disable`, `shadow`, `retire`."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from db.states import StrategyMode
from gateway.client.server import ApiServer
from gateway.commands.strategy_life import MEANINGS
from gateway.exit_codes import ExitCode
from gateway.json_option import tell


def list_strategies_there(console: Console, server: ApiServer, *, as_json: bool) -> ExitCode:
    """One row for each strategy of the server's file."""
    strategies = server.get("/v1/strategies")["data"]
    tell(console, _draw_strategies(strategies), strategies, as_json=as_json)
    return ExitCode.DONE


def turn_strategy_there(
    console: Console, server: ApiServer, *, name: str, mode: StrategyMode, reason: str, as_json: bool
) -> ExitCode:
    """Its routers follow with their next window."""
    strategy = server.post(f"/v1/strategies/{quote(name, safe='')}/mode", {"mode": mode, "reason": reason})
    tell(console, f"strategy {name} is {mode}: {MEANINGS[mode]}", strategy, as_json=as_json)
    return ExitCode.DONE


def _draw_strategies(strategies: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    for heading in ("strategy", "engine", "method", "longest", "tags"):
        table.add_column(heading, justify="right" if heading == "longest" else "left", overflow="fold")
    table.caption = "longest: most output tokens of a task; `--json` has the prices of a token"
    for own in strategies:
        longest = f"{own['max_output_tokens']:,}"
        table.add_row(own["name"], own["engine"], own["method"].replace("_", " "), longest, ", ".join(own["tags"]))
    return table
