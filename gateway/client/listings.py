"""What a server routes to, and what foresees it: `strategies list`, `predictors list`."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from db.predictors import PredictorVersion
from db.states import PredictorState
from gateway.client.server import ApiServer
from gateway.commands.predictors import draw_predictors
from gateway.exit_codes import ExitCode
from gateway.json_option import tell


def list_strategies_there(console: Console, server: ApiServer, *, as_json: bool) -> ExitCode:
    """One row for each strategy of the server's file."""
    strategies = server.get("/v1/strategies")["data"]
    tell(console, _draw_strategies(strategies), strategies, as_json=as_json)
    return ExitCode.DONE


def list_predictors_there(console: Console, server: ApiServer, *, as_json: bool) -> ExitCode:
    """One row for each version, the newest of a strategy first."""
    predictors = server.get("/v1/predictors")["data"]
    versions = [_read_version(predictor) for predictor in predictors]
    tell(console, draw_predictors(versions), predictors, as_json=as_json)
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


def _read_version(predictor: Mapping[str, Any]) -> PredictorVersion:
    return PredictorVersion(
        id=predictor["id"],
        strategy=predictor["strategy"],
        spec_hash="",
        version=predictor["version"],
        encoder=predictor["encoder"],
        state=PredictorState(predictor["state"]),
        figures=predictor["figures"] or {},
        created_at=datetime.fromisoformat(predictor["created_at"]),
    )
