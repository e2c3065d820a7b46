"""`--json`, which every command has that prints: then standard output is one JSON value, and nothing else."""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.console import Console, RenderableType
from rich.text import Text

from gateway.console import CommandConsole

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead.")]


def print_json(console: Console, value: Mapping[str, Any] | Sequence[Any]) -> None:
    """The value alone, indented, however narrow the terminal is; times and amounts as they read best."""
    console.print(Text(json.dumps(value, indent=2, ensure_ascii=False, default=str)), soft_wrap=True)


def tell(
    console: Console, words: str | RenderableType, value: Mapping[str, Any] | Sequence[Any], *, as_json: bool
) -> None:
    """The value for a program, or the same in words for people."""
    if as_json:
        print_json(console, value)
    else:
        console.print(Text(words) if isinstance(words, str) else words)


def choose_progress_console(console: Console, *, as_json: bool) -> Console:
    """Where progress is shown: beside the output, where a program reads that."""
    return CommandConsole(stderr=True) if as_json else console
