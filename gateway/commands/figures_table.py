"""What predictors learnt from, and how well they predict what they had not seen."""

from collections.abc import Iterable

from rich.box import SIMPLE_HEAD
from rich.table import Table

from gateway.report.amounts import UNKNOWN, say_share
from router.figures import TrainingFigures

HEADINGS = ("outcomes", "right", "log loss", "of a constant")


def draw_figures(rows: Iterable[tuple[str, int, TrainingFigures | None]], *, caption: str) -> Table:
    """A row for each strategy: its name, its outcomes, and its figures where there are new ones."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="dim", caption=caption)
    table.add_column("strategy", no_wrap=True)
    for heading in HEADINGS:
        table.add_column(heading, justify="right")
    for name, outcomes, figures in rows:
        numbers = (
            (say_share(figures.mean_correct), f"{figures.held_out_log_loss:.3f}", f"{figures.constant_log_loss:.3f}")
            if figures
            else (UNKNOWN, UNKNOWN, UNKNOWN)
        )
        table.add_row(name, f"{outcomes:,}", *numbers)
    return table
