"""`--json`, which many commands have."""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead.")]


def print_json(console: Console, value: Mapping[str, Any] | Sequence[Any]) -> None:
    """The value alone, indented, however narrow the terminal is; times and amounts as they read best."""
    console.print(Text(json.dumps(value, indent=2, ensure_ascii=False, default=str)), soft_wrap=True)
