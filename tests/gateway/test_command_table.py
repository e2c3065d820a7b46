"""The table of commands: all of it is there, and programs can read what each prints."""

from collections.abc import Iterator

from typer.core import TyperGroup
from typer.main import get_command

from gateway.cli import app

# One vocabulary everywhere; those of the second line print what is no single value, or stay until they are ended.
COMMANDS = (
    *(
        "run",
        "plan",
        "submit",
        "status",
        "report",
        "cancel",
        "pause",
        "unpause",
        "continue",
        "feedback",
        "calibrate",
        "judge",
    ),
    *("results", "serve", "worker"),
    *("probe", "train", "doctor", "strategies", "budgets", "predictors", "keys"),
)
WITHOUT_JSON = {"results", "serve", "worker"}


def list_options(group: TyperGroup, *, prefix: str = "") -> Iterator[tuple[str, set[str]]]:
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from list_options(command, prefix=f"{prefix}{name} ")
        else:
            yield prefix + name, {option for parameter in command.params for option in parameter.opts}


def test_every_command_that_prints_a_value_prints_json() -> None:
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    assert set(group.commands) == set(COMMANDS)
    assert {name for name, options in list_options(group) if "--json" not in options} == WITHOUT_JSON
