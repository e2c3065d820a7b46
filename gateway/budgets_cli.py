"""The `budgets` commands: options in, one call a command, an exit code out."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from gateway.exit_codes import ExitCode
from gateway.json_option import AsJson
from gateway.place import end_at

if TYPE_CHECKING:
    from gateway.client.server import ApiServer

budgets_app = typer.Typer(help="Budgets that jobs share, and those of single jobs.", no_args_is_help=True)

Named = Annotated[str, typer.Argument(metavar="NAME|JOB", help="A shared budget's name, or the number of a job.")]
Stated = Annotated[str, typer.Argument(metavar="AMOUNT", help='"3.5e14 FLOPs", "0.02 USD", "40000 tokens".')]

Tenant = Annotated[
    str, typer.Option(help="Whose budget, where the HTTP API has several tenants; a server knows it by the key.")
]
COMMANDS_TENANT = "default"  # worker.submission's, which a help text should not wait for


@budgets_app.command("list")
def list_(tenant: Tenant = COMMANDS_TENANT, as_json: AsJson = False) -> None:
    """List the budgets that jobs share, as they stand."""

    def here(console: Console) -> ExitCode:
        from gateway.commands.budgets import list_budgets

        return list_budgets(console, tenant=tenant, as_json=as_json)

    def there(console: Console, server: "ApiServer") -> ExitCode:
        from gateway.client.budgets import list_budgets_there

        return list_budgets_there(console, server, as_json=as_json)

    end_at(database=here, server=there)


@budgets_app.command()
def create(  # noqa: PLR0917 - typer passes every option by name
    name: Annotated[str, typer.Argument(metavar="NAME", help="What `run --shared-budget` calls it.")],
    amount: Stated,
    period: Annotated[
        str | None, typer.Option(metavar="nightly|monthly", help="Begins anew each noon (UTC), or each month.")
    ] = None,
    expects: Annotated[
        int | None,
        typer.Option(metavar="TASKS", min=1, help="How many tasks will come, in each period: none is left poor."),
    ] = None,
    tenant: Tenant = COMMANDS_TENANT,
    as_json: AsJson = False,
) -> None:
    """Open a budget that several jobs can draw on."""

    def here(console: Console) -> ExitCode:
        from gateway.commands.budgets import create_budget

        return create_budget(
            console,
            name=name,
            stated=amount,
            period=period,
            expected_tasks=expects,
            tenant=tenant,
            as_json=as_json,
        )

    def there(console: Console, server: "ApiServer") -> ExitCode:
        from gateway.client.budgets import create_budget_there

        return create_budget_there(
            console, server, name=name, stated=amount, period=period, expected_tasks=expects, as_json=as_json
        )

    end_at(database=here, server=there)


@budgets_app.command("raise")
def raise_(named: Named, amount: Stated, tenant: Tenant = COMMANDS_TENANT, as_json: AsJson = False) -> None:
    """Give a budget more; its jobs go on with that at once."""

    def here(console: Console) -> ExitCode:
        from gateway.commands.budgets import raise_budget

        return raise_budget(console, named=named, stated=amount, tenant=tenant, as_json=as_json)

    def there(console: Console, server: "ApiServer") -> ExitCode:
        from gateway.client.budgets import change_cap_there

        return change_cap_there(console, server, named=named, how="raise", stated=amount, as_json=as_json)

    end_at(database=here, server=there)


@budgets_app.command()
def lower(named: Named, amount: Stated, tenant: Tenant = COMMANDS_TENANT, as_json: AsJson = False) -> None:
    """Take something from a budget, at most what is left of it."""

    def here(console: Console) -> ExitCode:
        from gateway.commands.budgets import lower_budget

        return lower_budget(console, named=named, stated=amount, tenant=tenant, as_json=as_json)

    def there(console: Console, server: "ApiServer") -> ExitCode:
        from gateway.client.budgets import change_cap_there

        return change_cap_there(console, server, named=named, how="lower", stated=amount, as_json=as_json)

    end_at(database=here, server=there)
