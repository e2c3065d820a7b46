"""The view that suits the output."""

from typing import TypeAlias

from rich.console import Console

from gateway.live.plain_view import PlainView
from gateway.live.terminal_view import TerminalView

ProgressView: TypeAlias = TerminalView | PlainView


def choose_view(console: Console) -> ProgressView:
    """A live view for a terminal that can show it, plain lines otherwise."""
    live = console.is_terminal and not console.is_dumb_terminal and not console.options.ascii_only
    return TerminalView(console) if live else PlainView(console)
