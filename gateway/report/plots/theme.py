"""Figures that take the page's colours and fonts, so that one SVG serves light and dark."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # matplotlib takes most of a second to import, and only the HTML report needs it
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STRATEGY_COLOURS = 10

# Colours no plot would otherwise use stand for CSS variables until the SVG is written.
INK, MUTED, GRID, ACCENT, GOOD, BAD, PAPER = (f"#0101{number:02x}" for number in range(1, 8))
_VARIABLES: dict[str, str] = {
    INK: "--ink",
    MUTED: "--muted",
    GRID: "--grid",
    ACCENT: "--accent",
    GOOD: "--good",
    BAD: "--bad",
    PAPER: "--paper",
    **{f"#0202{number:02x}": f"--s{number}" for number in range(STRATEGY_COLOURS)},
}

STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.family": "DejaVu Sans",  # what matplotlib brings and measures with; the page's own font replaces it
    "font.size": 10,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": MUTED,
    "axes.labelsize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "legend.frameon": False,
    "legend.fontsize": 10,
    "legend.labelcolor": INK,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
}


def strategy_colour(index: int) -> str:
    """The colour of a strategy, the same in every plot and beside its name on the page."""
    return f"#0202{index % STRATEGY_COLOURS:02x}"


@contextmanager
def themed_figure(width_inches: float, height_inches: float) -> Iterator["tuple[Figure, Axes]"]:
    """An empty figure with one pair of axes; draw and write it inside the block."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(width_inches, height_inches), layout="constrained")
        yield figure, figure.subplots()


def write_svg(figure: "Figure", *, name: str, title: str, description: str) -> str:
    """The figure as an inline `<svg>` element that a screen reader announces; `name` keeps ids apart between plots."""
    import matplotlib as mpl

    stream = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": name, "svg.id": name}):
        figure.savefig(stream, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    svg = stream.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<style[^>]*>.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\b(id="|url\(#|xlink:href="#)(?=[A-Za-z])', rf"\g<1>{name}-", svg)
    svg = re.sub(r"#0[12]0[12][0-9a-f]{2}", lambda match: f"var({_VARIABLES[match.group()]})", svg)
    return _announce(svg, name=name, title=title, description=description)


def _announce(svg: str, *, name: str, title: str, description: str) -> str:
    opening = re.sub(r' (width|height|id)="[^"]*"', "", svg[: svg.index(">")])
    labels = f'<title id="{name}-title">{_escape(title)}</title><desc id="{name}-desc">{_escape(description)}</desc>'
    return f'{opening} role="img" aria-labelledby="{name}-title {name}-desc">{labels}{svg[svg.index(">") + 1 :]}'


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
