"""Colours and bars of the terminal, the same in the live view and in the report."""

from rich.text import Text

STRATEGY_STYLES = ("cyan", "yellow", "green", "magenta", "blue", "red", "bright_cyan", "bright_yellow")


def strategy_style(index: int) -> str:
    """The colour of the pool's strategy at this place."""
    return STRATEGY_STYLES[index % len(STRATEGY_STYLES)]


def bar_text(share: float, *, width: int, style: str) -> Text:
    """A bar of `width` characters, filled to the eighth of a character."""
    eighths = round(min(max(share, 0.0), 1.0) * width * 8)
    full, part = divmod(eighths, 8)
    filled = "█" * full + (" ▏▎▍▌▋▊▉"[part] if part else "")
    return Text.assemble((filled, style), ("░" * (width - len(filled)), "bright_black"))
