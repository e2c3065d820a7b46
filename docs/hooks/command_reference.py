"""A page of every command, made from the command line itself when the site is built."""

from collections.abc import Iterator

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from typer.core import TyperGroup
from typer.main import get_command

from gateway.cli import app

PAGE = "reference/commands.md"
HEAD = """# Commands

What `apportion COMMAND --help` says of each, made from the code. `--json` makes the output one JSON value.
"""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """The site's files with this page among them."""
    files.append(File.generated(config, PAGE, content=write_page()))
    return files


def write_page() -> str:
    """The page as Markdown."""
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    return "\n".join([HEAD, *_write_group(group, name="apportion")])


def _write_group(group: TyperGroup, *, name: str) -> Iterator[str]:
    for own, command in group.commands.items():
        full = f"{name} {own}"
        if isinstance(command, TyperGroup):
            yield from _write_group(command, name=full)
            continue
        arguments = [parameter for parameter in command.params if parameter.param_type_name == "argument"]
        options = [parameter for parameter in command.params if parameter.param_type_name == "option"]
        words = [full, *("[OPTIONS]" if options else "",), *(str(one.metavar or one.name) for one in arguments)]
        yield f"## {full}\n\n    {' '.join(filter(None, words))}\n\n{command.help or ''}\n"
        if command.params:
            yield "| | |\n| --- | --- |"
            yield from map(_write_row, [*arguments, *options])
            yield ""


def _write_row(parameter: object) -> str:
    """One argument or option; typer keeps its help and default."""
    names = getattr(parameter, "opts", [])
    is_argument = getattr(parameter, "param_type_name", "") == "argument"
    shown = str(getattr(parameter, "metavar", None) or names[0]) if is_argument else ", ".join(names)
    text = str(getattr(parameter, "help", None) or "").replace("|", "\\|")
    default = getattr(parameter, "default", None)
    if getattr(parameter, "required", False) and not is_argument:
        text += " Required."
    elif isinstance(default, str | int | float) and not isinstance(default, bool):
        text += f" (`{default}`)"
    return f"| `{shown.replace('|', chr(92) + '|')}` | {text} |"
