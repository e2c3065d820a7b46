"""The `predictors` commands: options in, one call a command, an exit code out."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from gateway.exit_codes import ExitCode
from gateway.json_option import AsJson
from gateway.place import OPERATOR, end_at, end_on_database

if TYPE_CHECKING:
    from gateway.client.server import ApiServer

predictors_app = typer.Typer(help="What foresees how strategies do, version by version.", no_args_is_help=True)


@predictors_app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List trained predictors, and which version of each strategy serves."""

    def here(console: Console) -> ExitCode:
        from gateway.commands.predictors import list_all

        return list_all(console, as_json=as_json)

    def there(console: Console, server: "ApiServer") -> ExitCode:
        from gateway.client.predictors import list_predictors_there

        return list_predictors_there(console, server, as_json=as_json)

    end_at(database=here, server=there)


@predictors_app.command()
def show(
    predictor: Annotated[int, typer.Argument(metavar="ID", help="A predictor's number: `predictors list`.")],
    output: Annotated[Path | None, typer.Option(help="A folder for the page and its plots.", file_okay=False)] = None,
    as_json: AsJson = False,
) -> None:
    """Say why a version serves or does not: what the gate, its trial and live outcomes said of it."""

    def here(console: Console) -> ExitCode:
        from gateway.commands.predictors import show_version

        return show_version(console, predictor_id=predictor, folder=output, as_json=as_json)

    def there(console: Console, server: "ApiServer") -> ExitCode:
        from gateway.client.predictors import show_predictor_there

        return show_predictor_there(console, server, predictor_id=predictor, folder=output, as_json=as_json)

    end_at(database=here, server=there)


@predictors_app.command()
def promote(
    predictor: Annotated[int, typer.Argument(metavar="ID", help="A predictor's number: `predictors list`.")],
    as_json: AsJson = False,
) -> None:
    """Let this version serve from now on; jobs that are planned already keep their predictions."""

    def work(console: Console) -> ExitCode:
        from gateway.commands.predictors import promote_version

        return promote_version(console, predictor_id=predictor, as_json=as_json)

    end_on_database(work, instead=OPERATOR)


@predictors_app.command()
def rollback(
    strategy: Annotated[str, typer.Argument(metavar="STRATEGY", help="A strategy's name.")], as_json: AsJson = False
) -> None:
    """Let the version before a strategy's present one serve again."""

    def work(console: Console) -> ExitCode:
        from gateway.commands.predictors import roll_back

        return roll_back(console, strategy=strategy, as_json=as_json)

    end_on_database(work, instead=OPERATOR)
