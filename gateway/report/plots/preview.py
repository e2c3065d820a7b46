"""The picture of a preview, as a file of its own: what every budget could buy."""

from pathlib import Path

from gateway.errors import OutputNotWritable, UsageError
from gateway.report.preview_text import find_scale
from worker.preview import Preview

PICTURES = (".svg", ".png", ".pdf")
LINE, BAND, INK = "#2563eb", "#bfdbfe", "#374151"


def require_picture(path: Path) -> None:
    """UsageError for a file that is no picture by its name."""
    if path.suffix not in PICTURES:
        raise UsageError(f"--out is {path}: name a file that ends in {', '.join(PICTURES)}")


def write_picture(preview: Preview, path: Path) -> None:
    """Draw the frontier with its interval and every single strategy; the file's ending says what kind it is."""
    from matplotlib.figure import Figure  # takes most of a second to import

    scale = find_scale(preview)
    figure = Figure(figsize=(8.6, 4.7), layout="constrained")
    axes = figure.subplots()
    cost = [scale.value(reach.budget) for reach in preview.frontier]
    low, high, best = (
        [100 * getattr(reach, side) for reach in preview.frontier] for side in ("low", "high", "accuracy")
    )
    axes.fill_between(cost, low, high, color=BAND, label="95% interval")
    axes.plot(cost, best, color=LINE, linewidth=2.4, label="best for each budget, predicted")
    for single in preview.singles:
        place = scale.value(single.cost), 100 * single.accuracy
        axes.scatter(*place, color=INK, zorder=3)
        axes.annotate(single.strategy, place, xytext=(5, -10), textcoords="offset points", color=INK, fontsize=8)
    axes.set_xlabel(f"cost, {scale.label}")
    axes.set_ylabel("tasks answered right, %")
    axes.set_xlim(left=0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="lower right", frameon=False)
    try:
        figure.savefig(path, dpi=150)
    except OSError as error:
        raise OutputNotWritable(path, str(error.strerror)) from None
