"""The `strategies` commands: options in, one call a command, an exit code out."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from gateway.ending import end
from gateway.exit_codes import ExitCode

strategies_app = typer.Typer(help="What tasks can be routed to.", no_args_is_help=True)

StrategyFile = Annotated[Path, typer.Option("--strategies", help="YAML file of engines and strategies.")]


@strategies_app.command("list")
def list_(strategies: StrategyFile) -> None:
    """List the strategies of a file with their prices on this machine."""

    def work(console: Console) -> ExitCode:
        from gateway.commands.list_strategies import list_strategies

        return list_strategies(console, strategy_file=strategies)

    end(work)


@strategies_app.command()
def measure(
    strategies: Annotated[Path, typer.Argument(metavar="STRATEGIES", help="YAML file of engines and strategies.")],
    out: Annotated[
        Path | None, typer.Option(help="Where to write the file with the new tariffs; over itself if not given.")
    ] = None,
    prompts: Annotated[
        Path | None, typer.Option(help="A job file whose prompts are asked; else made-up ones of two lengths.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was measured as JSON.")] = False,
) -> None:
    """Measure what a token takes of each engine on this machine, and write its price in GPU-seconds and joules."""

    def work(console: Console) -> ExitCode:
        from gateway.commands.measure_strategies import Asked, measure_strategies

        asked = Asked(strategy_file=strategies, out=out or strategies, prompt_file=prompts, as_json=as_json)
        return measure_strategies(console, asked)

    end(work)
