"""The `strategies` commands: options in, one call a command, an exit code out."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from gateway.ending import end
from gateway.exit_codes import ExitCode
from gateway.json_option import AsJson
from gateway.place import end_at

if TYPE_CHECKING:
    from gateway.client.server import ApiServer

strategies_app = typer.Typer(help="What tasks can be routed to.", no_args_is_help=True)

StrategyFile = Annotated[Path, typer.Option("--strategies", help="YAML file of engines and strategies.")]
StrategyFileHere = Annotated[
    Path | None, typer.Option("--strategies", help="YAML file of engines and strategies; a server has its own.")
]


def require_strategy_file(strategies: Path | None) -> Path:
    """The file, without which nothing can be planned on the database; UsageError."""
    from gateway.errors import UsageError

    if strategies is None:
        raise UsageError(
            "name the strategy file with --strategies, or a server, which has its own, in APPORTION_API_URL"
        )
    return strategies


def refuse_strategy_file(strategies: Path | None) -> None:
    """UsageError for a file that a server would not look at."""
    from gateway.errors import UsageError

    if strategies is not None:
        raise UsageError("APPORTION_API_URL names a server, which has strategies of its own: leave out --strategies")


@strategies_app.command("list")
def list_(strategies: StrategyFileHere = None, as_json: AsJson = False) -> None:
    """List the strategies of a file with their prices on this machine, or those of a server."""

    def here(console: Console) -> ExitCode:
        from gateway.commands.list_strategies import list_strategies

        return list_strategies(console, strategy_file=require_strategy_file(strategies), as_json=as_json)

    def there(console: Console, server: "ApiServer") -> ExitCode:
        from gateway.client.strategies import list_strategies_there

        refuse_strategy_file(strategies)
        return list_strategies_there(console, server, as_json=as_json)

    end_at(database=here, server=there)


@strategies_app.command()
def measure(
    strategies: Annotated[Path, typer.Argument(metavar="STRATEGIES", help="YAML file of engines and strategies.")],
    out: Annotated[
        Path | None, typer.Option(help="Where to write the file with the new tariffs; over itself if not given.")
    ] = None,
    prompts: Annotated[
        Path | None, typer.Option(help="A job file whose prompts are asked; else made-up ones of two lengths.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure what a token takes of each engine on this machine, and write its price in GPU-seconds and joules."""

    def work(console: Console) -> ExitCode:
        from gateway.commands.measure_strategies import Asked, measure_strategies

        asked = Asked(strategy_file=strategies, out=out or strategies, prompt_file=prompts, as_json=as_json)
        return measure_strategies(console, asked)

    end(work)
