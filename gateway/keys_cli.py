"""The `keys` commands: options in, one call a command, an exit code out."""

from typing import Annotated

import typer
from rich.console import Console

from gateway.budgets_cli import COMMANDS_TENANT
from gateway.ending import end
from gateway.exit_codes import ExitCode
from gateway.json_option import AsJson

keys_app = typer.Typer(help="API keys: who may ask the server, for which tenant.", no_args_is_help=True)


@keys_app.command()
def create(  # noqa: PLR0917 - typer passes every option by name
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the list calls it.")],
    tenant: Annotated[str, typer.Option(help="Whose files, batches and budgets it opens.")] = COMMANDS_TENANT,
    budget: Annotated[
        list[str] | None, typer.Option(help="A shared budget it may spend from, and from no other; may be given again.")
    ] = None,
    requests_per_minute: Annotated[int | None, typer.Option(min=1, help="More are answered with 429.")] = None,
    max_file_bytes: Annotated[int | None, typer.Option(min=1, help="Larger uploads are refused.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a key and show it, once: only its digest is kept."""

    def work(console: Console) -> ExitCode:
        from gateway.commands.keys import KeyScope, create_key

        scope = KeyScope(
            tenant=tenant, budgets=budget, requests_per_minute=requests_per_minute, max_file_bytes=max_file_bytes
        )
        return create_key(console, name=name, scope=scope, as_json=as_json)

    end(work)


@keys_app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the keys of all tenants."""

    def work(console: Console) -> ExitCode:
        from gateway.commands.keys import list_all_keys

        return list_all_keys(console, as_json=as_json)

    end(work)


@keys_app.command()
def revoke(
    key: Annotated[str, typer.Argument(metavar="KEY", help="Its id, as the list has it.")], as_json: AsJson = False
) -> None:
    """Let a key open nothing any more, from now on."""

    def work(console: Console) -> ExitCode:
        from gateway.commands.keys import revoke_one_key

        return revoke_one_key(console, key_id=key, as_json=as_json)

    end(work)
