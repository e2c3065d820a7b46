"""The `train` command: options in, one call, an exit code out."""

from typing import Annotated

import typer
from rich.console import Console

from gateway.exit_codes import ExitCode
from gateway.json_option import AsJson
from gateway.place import OPERATOR, end_on_database
from gateway.strategies_cli import StrategyFile


def train(
    strategies: StrategyFile,
    everything: Annotated[bool, typer.Option("--all", help="Also those of which nothing is new.")] = False,
    cutoff: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="All of them, from what was stored and said up to then: 2026-01-31T06:00."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Fit the predictors to what is new in the database: outcomes, grades, labels."""

    def work(console: Console) -> ExitCode:
        from gateway.commands.train import train_strategies
        from gateway.lesson_asked import read_lesson

        lesson = read_lesson(everything=everything, cutoff=cutoff)
        return train_strategies(console, strategy_file=strategies, lesson=lesson, as_json=as_json)

    end_on_database(work, instead=OPERATOR)
