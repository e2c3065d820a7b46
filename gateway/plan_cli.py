"""The `plan` command: options in, one call, an exit code out."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from gateway.ending import end
from gateway.exit_codes import ExitCode
from gateway.json_option import AsJson
from gateway.strategies_cli import StrategyFile


def plan(
    job_file: Annotated[Path, typer.Argument(metavar="JOBFILE", help="JSONL file in the OpenAI batch format.")],
    strategies: StrategyFile,
    out: Annotated[Path | None, typer.Option(help="A picture of the frontier: a file in .svg, .png or .pdf.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show what every budget could buy, each strategy alone, and budgets worth a thought; nothing is spent."""

    def work(console: Console) -> ExitCode:
        from gateway.commands.plan import plan_job_file

        return plan_job_file(console, job_file=job_file, strategy_file=strategies, out=out, as_json=as_json)

    end(work)
