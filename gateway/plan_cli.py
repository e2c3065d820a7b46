"""The `plan` command: options in, one call, an exit code out."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from gateway.exit_codes import ExitCode
from gateway.json_option import AsJson
from gateway.place import end_at
from gateway.strategies_cli import StrategyFileHere, refuse_strategy_file, require_strategy_file

if TYPE_CHECKING:
    from gateway.client.server import ApiServer


def plan(
    job_file: Annotated[Path, typer.Argument(metavar="JOBFILE", help="JSONL file in the OpenAI batch format.")],
    strategies: StrategyFileHere = None,
    out: Annotated[Path | None, typer.Option(help="A picture of the frontier: a file in .svg, .png or .pdf.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show what every budget could buy, each strategy alone, and budgets worth a thought; nothing is spent."""

    def here(console: Console) -> ExitCode:
        from gateway.commands.plan import plan_job_file

        file = require_strategy_file(strategies)
        return plan_job_file(console, job_file=job_file, strategy_file=file, out=out, as_json=as_json)

    def there(console: Console, server: "ApiServer") -> ExitCode:
        from gateway.client.plan import plan_there

        refuse_strategy_file(strategies)
        return plan_there(console, server, job_file=job_file, out=out, as_json=as_json)

    end_at(database=here, server=there)
