"""A picture: the time of every solver against the number of tasks."""

import math
from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot as plt

from bench.allocation_runs import Spec, run_apart

SIZES = {
    "here": (100, 1_000, 10_000, 100_000, 1_000_000),
    "HiGHS MILP": (100, 300, 1_000, 3_000),
    "HiGHS LP": (100, 1_000, 10_000, 30_000),
    "CP-SAT": (100, 300, 1_000),
    "published programme": (30, 100, 300, 1_000),
}
QUICK_SIZES = 3  # of each solver's sizes
COLOURS = {
    "here": "#0b6e4f",
    "HiGHS MILP": "#b23a48",
    "HiGHS LP": "#e08e45",
    "CP-SAT": "#5b5f97",
    "published programme": "#8d99ae",
}
GOAL_GAP = 1e-3  # a solver that stops with a larger gap has not solved the instance


def plot_times(file: Path, *, quick: bool) -> None:
    """Realistic instances of 10 strategies, CPU seconds, both axes logarithmic."""
    mpl.use("Agg")
    figure, axes = plt.subplots(figsize=(8, 5), layout="constrained")
    for solver, sizes in SIZES.items():
        tasks, seconds = [], []
        for size in sizes[:QUICK_SIZES] if quick else sizes:
            spec = Spec(
                solver=solver, kind="realistic", tasks=size, strategies=10, repeats=3 if solver == "here" else 1
            )
            run = run_apart(replace(spec, limit_seconds=5.0 if quick else 60.0))
            if not run.finished or not (run.gap <= GOAL_GAP or math.isinf(run.bound)):
                break
            tasks.append(size)
            seconds.append(run.cpu_seconds)
        if not tasks:
            continue
        axes.plot(tasks, seconds, marker="o", markersize=4, linewidth=1.8, color=COLOURS[solver])
        axes.text(tasks[-1] * 1.2, seconds[-1], solver, va="center", color=COLOURS[solver])
    axes.set(xscale="log", yscale="log", xlabel="tasks (10 strategies each)", ylabel="CPU seconds")
    axes.set_title("Time to allocate a budget", loc="left")
    axes.margins(x=0.2)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, dpi=150)
    plt.close(figure)
