"""A picture: how much of the budget is spent as a job goes on, by each way of pacing it."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from bench.pacing_peers import EvenShare, Greedy, LearnOnce, MirrorDescent
from bench.pacing_policies import KnownBacklog, MakePolicy, Stream
from bench.pacing_simulation import cut_windows, simulate
from bench.pacing_workloads import Workload, make_biased, make_drift, make_hard_last, make_jumps

SEED = 1
WINDOWS = 200
SHOWN = (make_hard_last, make_drift, make_jumps, make_biased)
WAYS: dict[str, tuple[MakePolicy, str]] = {
    "first come": (Greedy, "#b23a48"),
    "price learnt once": (LearnOnce, "#e08e45"),
    "even share": (EvenShare, "#8d99ae"),
    "mirror descent": (MirrorDescent, "#5b5f97"),
    "here, as a stream": (Stream, "#7cb518"),
    "here, known backlog": (KnownBacklog, "#0b6e4f"),
}


def plot_spending(file: Path, *, tasks: int) -> None:
    """Share of the cap spent against share of the tasks routed, beside the best plan's."""
    mpl.use("Agg")
    figure, grid = plt.subplots(2, 2, figsize=(10, 7), layout="constrained", sharex=True, sharey=True)
    for axes, make in zip(grid.flat, SHOWN, strict=True):
        _draw(axes, make(tasks, SEED))
    for axes in grid[:, 0]:
        axes.set_ylabel("% of the budget spent")
    for axes in grid[1]:
        axes.set_xlabel("% of the tasks routed")
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles[::-1], labels[::-1], loc="outside lower center", ncols=4, frameon=False)
    figure.savefig(file, dpi=150)
    plt.close(figure)


def _draw(axes: Axes, workload: Workload) -> None:
    windows = cut_windows(len(workload.accuracy), len(workload.accuracy) // WINDOWS)
    for way, (policy, colour) in WAYS.items():
        paced = simulate(workload, policy(workload), windows=windows, known=policy is not Stream)
        axes.plot(100 * paced.times, 100 * paced.spending, color=colour, linewidth=1.8, label=way)
    best = workload.find_optimum().choice
    spent = (workload.cost[np.arange(len(best)), best] * workload.factor).cumsum() / workload.cap
    at = np.linspace(0, len(spent) - 1, WINDOWS).astype(int)
    axes.plot(
        100 * at / len(spent), 100 * spent[at], color="black", linewidth=1.2, linestyle=(0, (2, 2)), label="best plan"
    )
    axes.set_title(workload.name, loc="left")
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
