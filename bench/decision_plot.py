"""Accuracy against spend: one line a method, the oracle and the best single strategy marked, one panel a data set."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench.decision_summary import DatasetResult, Summary
from router.baselines.registry import METHODS, ORACLE, OWN

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANELS_PER_ROW = 3
LEGEND_COLUMNS = (3, 5, 7)  # that fit under so many panels side by side
COLOURS = (
    "#8a8f98", "#c2410c", "#7a5195", "#bc8f00", "#00897b", "#d81b60", "#5d4037", "#17becf", "#4b5563", "#e41a1c",
    "#f472b6", "#1f3a93",
)  # fmt: skip
OWN_COLOUR, ORACLE_COLOUR = "#0b5fff", "#7a9e3f"


def plot_results(results: Sequence[DatasetResult], *, path: Path) -> None:
    """Draw it to a file, whose name says the format."""
    draw_results(results).savefig(path)


def draw_results(results: Sequence[DatasetResult]) -> "Figure":
    """All panels over one legend."""
    from matplotlib.figure import Figure

    columns = min(len(results), PANELS_PER_ROW)
    rows = math.ceil(len(results) / columns)
    figure = Figure(figsize=(5.2 * columns, 4.1 * rows + 0.8), layout="constrained", dpi=130)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    colours = assign_colours(list(dict.fromkeys(name for result in results for name in result.summaries)))
    for axes, result in zip(panels, results, strict=False):
        _draw_panel(axes, result, colours)
    for axes in panels[len(results) :]:
        axes.set_visible(False)
    drawn = [axes.get_legend_handles_labels() for axes in panels[: len(results)]]
    handles = {label: handle for pair in drawn for handle, label in zip(*pair, strict=True)}
    figure.legend(list(handles.values()), list(handles), frameon=False, loc="outside lower center",
                  ncols=LEGEND_COLUMNS[columns - 1], fontsize=9)  # fmt: skip
    return figure


def assign_colours(methods: Sequence[str]) -> dict[str, str]:
    """Each method's; with more than a dozen of others, colours come again."""
    others = [name for name in methods if name not in (OWN, ORACLE)]
    return {OWN: OWN_COLOUR, ORACLE: ORACLE_COLOUR} | {
        name: COLOURS[place % len(COLOURS)] for place, name in enumerate(others)
    }


def _draw_panel(axes: "Axes", result: DatasetResult, colours: dict[str, str]) -> None:
    for name, summary in sorted(result.summaries.items(), key=lambda item: item[0] == OWN):
        _draw_curve(axes, name, summary, colours[name])
    best, cheapest = result.best_single, result.cheapest
    singles = ([100, 100 * cheapest[1] / best[1]], [100 * best[0], 100 * cheapest[0]])
    axes.scatter([singles[0][0]], [singles[1][0]], s=110, marker="*", color="#111827", label="best single", zorder=6)
    axes.scatter([singles[0][1]], [singles[1][1]], s=36, marker="s", color="#111827", label="cheapest single", zorder=6)
    axes.axhline(100 * best[0], color="#111827", linewidth=0.6, linestyle=(0, (1, 3)))
    axes.set_title(f"{result.table.name} ({len(result.table.strategies)} strategies)", loc="left", fontsize=10)
    axes.set_xlabel("spend, % of the best single's cost")
    axes.set_ylabel("accuracy, %")
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_curve(axes: "Axes", name: str, summary: Summary, colour: str) -> None:
    own = name == OWN
    deployable = name not in METHODS or METHODS[name].deployable
    axes.plot(
        100 * summary.spend,
        100 * summary.accuracy,
        color=colour,
        linewidth=2.6 if own else 1.3,
        linestyle="-" if deployable else (0, (5, 2)),
        marker="o" if own else None,
        markersize=4,
        alpha=1.0 if own else 0.85,
        label=name,
        zorder=5 if own else 3,
    )
