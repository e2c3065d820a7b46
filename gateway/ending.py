"""The end of every command: an exit code, and what went wrong told in one message."""

from collections.abc import Callable
from typing import NoReturn

import typer
from rich.console import Console
from rich.text import Text

from gateway.console import CommandConsole
from gateway.exit_codes import ExitCode


def end(work: Callable[[Console], ExitCode]) -> NoReturn:
    """Do the work and leave with its exit code; what goes wrong is told in one message."""
    try:
        code = work(CommandConsole())
    except typer.Exit:
        raise
    except BaseException as error:
        code = tell_failure(error)
    raise typer.Exit(int(code))


def tell_failure(error: BaseException) -> ExitCode:
    from gateway.failures import describe_failure

    failure = describe_failure(error)
    console = CommandConsole(stderr=True)
    if not failure.expected:
        console.print_exception()
    console.print(Text.assemble(("error: ", "bold red"), failure.message), soft_wrap=True)
    return failure.exit_code
