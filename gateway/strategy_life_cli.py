"""The commands of a strategy's life: options in, one call a command, an exit code out."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from db.states import StrategyMode
from gateway.exit_codes import ExitCode
from gateway.json_option import AsJson
from gateway.place import OPERATOR, end_at, end_on_database
from gateway.strategies_cli import StrategyFile

if TYPE_CHECKING:
    from gateway.client.server import ApiServer

StrategyName = Annotated[str, typer.Argument(metavar="STRATEGY", help="A strategy's name.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept, and shown by `strategies history`.")]


def add(  # noqa: PLR0917 - typer passes every option by name
    strategy: StrategyName,
    strategies: StrategyFile,
    tasks: Annotated[Path, typer.Option(help="Tasks in the job file format; graded ones count.")],
    probes: Annotated[int, typer.Option(min=1, help="How many tasks to ask.")] = 200,
    adaptive: Annotated[
        bool, typer.Option("--adaptive", help="Choose half of them by what the others say of its ability.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Another seed chooses other tasks.")] = 0,
    shadow: Annotated[bool, typer.Option("--shadow", help="Predict for it, and route nothing to it yet.")] = False,
    as_json: AsJson = False,
) -> None:
    """Let a strategy of the file join: ask it some tasks that stand for all, place it, enable it."""

    def work(console: Console) -> ExitCode:
        from gateway.commands.add_strategy import add_strategy
        from gateway.commands.probe import Asked

        return add_strategy(
            console,
            job_file=tasks,
            strategy_file=strategies,
            asked=Asked(strategy=strategy, probes=probes, adaptive=adaptive, seed=seed),
            mode=StrategyMode.SHADOW if shadow else StrategyMode.ENABLED,
            as_json=as_json,
        )

    end_on_database(work, instead=OPERATOR)


def enable(strategy: StrategyName, reason: Reason = "", as_json: AsJson = False) -> None:
    """Let jobs that are submitted from now on use a strategy again."""
    _turn(strategy, StrategyMode.ENABLED, reason=reason, as_json=as_json)


def disable(strategy: StrategyName, reason: Reason = "", as_json: AsJson = False) -> None:
    """Route nothing to a strategy; what waits for it is routed to others."""
    _turn(strategy, StrategyMode.DISABLED, reason=reason, as_json=as_json)


def shadow(strategy: StrategyName, reason: Reason = "", as_json: AsJson = False) -> None:
    """Predict for a strategy and show it in decisions, but route nothing to it."""
    _turn(strategy, StrategyMode.SHADOW, reason=reason, as_json=as_json)


def retire(strategy: StrategyName, reason: Reason = "", as_json: AsJson = False) -> None:
    """Route nothing to a strategy any more, for good; its history is kept."""
    _turn(strategy, StrategyMode.RETIRED, reason=reason, as_json=as_json)


def history(
    strategy: Annotated[
        str | None, typer.Argument(metavar="[STRATEGY]", help="Without it, the latest change of each.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what strategies are used for, since when, by whom and why."""

    def work(console: Console) -> ExitCode:
        from gateway.commands.strategy_life import show_history

        return show_history(console, name=strategy, as_json=as_json)

    end_on_database(work, instead=OPERATOR)


def _turn(name: str, mode: StrategyMode, *, reason: str, as_json: bool) -> None:
    def here(console: Console) -> ExitCode:
        from gateway.commands.strategy_life import turn_strategy

        return turn_strategy(console, name=name, mode=mode, reason=reason, as_json=as_json)

    def there(console: Console, server: "ApiServer") -> ExitCode:
        from gateway.client.strategies import turn_strategy_there

        return turn_strategy_there(console, server, name=name, mode=mode, reason=reason, as_json=as_json)

    end_at(database=here, server=there)


LIFE_COMMANDS: tuple[Callable[..., None], ...] = (add, enable, disable, shadow, retire, history)
