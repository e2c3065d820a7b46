"""Where a command does its work: at the server that the settings name, or else on the database."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

from rich.console import Console

from gateway.ending import end
from gateway.exit_codes import ExitCode

if TYPE_CHECKING:
    from gateway.client.server import ApiServer

OPERATOR = "ask whoever keeps the server"

Here = Callable[[Console], ExitCode]
There = Callable[[Console, "ApiServer"], ExitCode]


def end_at(*, database: Here, server: There) -> NoReturn:
    """Do it at the server where the settings name one, on the database where they do not; leave with its exit code."""

    def work(console: Console) -> ExitCode:
        from worker.settings import read_settings

        settings = read_settings()
        if settings.api_url is None:
            return database(console)
        from gateway.client.server import open_server

        with open_server(settings) as opened:
            return server(console, opened)

    end(work)


def end_on_database(work: Here, *, instead: str) -> NoReturn:
    """Do what only the database can be asked for; UsageError with what to do instead where a server is named."""

    def refuse(_: Console, server: "ApiServer") -> ExitCode:
        from gateway.errors import UsageError

        raise UsageError(
            f"APPORTION_API_URL names {server.address}, and servers are not asked for this: {instead}, or unset it to "
            "work on the database"
        )

    end_at(database=work, server=refuse)
