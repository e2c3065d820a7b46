"""A picture: a degraded strategy's share of the tasks, and the accuracy of all, from window to window."""

from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot as plt

from bench.drift_nights import WINDOW, Routed

COLOURS = {"corrected": "#0b6e4f", "as predicted": "#b23a48"}


def plot_degraded(file: Path, drawn: Mapping[str, Mapping[str, Routed]]) -> None:
    """A row for each pool: shares on the left, accuracies on the right."""
    mpl.use("Agg")
    figure, grid = plt.subplots(len(drawn), 2, figsize=(10, 3.2 * len(drawn)), layout="constrained", squeeze=False)
    for (left, right), (name, routed) in zip(grid, drawn.items(), strict=True):
        for way, run in routed.items():
            tasks = [WINDOW * (window + 1) for window in range(len(run.share))]
            left.plot(tasks, 100 * run.share, color=COLOURS[way], label=way)
            right.plot(tasks, 100 * run.accuracy, color=COLOURS[way], label=way)
        left.set_title(f"{name}: its share of the tasks, %", loc="left")
        right.set_title("accuracy of all tasks, %", loc="left")
        for axes in (left, right):
            axes.axvline(tasks[-1] / 3, color="black", linewidth=1, linestyle=(0, (2, 2)), label="the fall")
            axes.grid(alpha=0.25)
            axes.spines[["top", "right"]].set_visible(False)
        left.legend(frameon=False)
    grid[-1, 0].set_xlabel("tasks")
    grid[-1, 1].set_xlabel("tasks")
    figure.savefig(file, dpi=150)
    plt.close(figure)
