"""A picture: how likely a challenger is promoted by what it is worth, and when."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt

from bench.promotion_peers import JUDGES, OURS
from bench.promotion_world import LABELS, SEED, Errors, find_challenger, run_trial

WORTH = (-0.01, -0.005, 0.0, 0.005, 0.01, 0.015)
COLOURS = ("#0b6e4f", "#8d99ae", "#e08e45", "#5b5f97", "#b23a48")


def plot_power(file: Path, *, trials: int, like: Errors) -> None:
    """Share promoted over true worth for every way of testing; ours over labels for every worth above 0."""
    mpl.use("Agg")
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
    shares: dict[str, list[float]] = {way: [] for way in JUDGES}
    for number, worth in enumerate(WORTH):
        rng = np.random.default_rng(SEED + number)
        challenger = find_challenger(worth, shared=like.shared, champion=like.champion)
        seen = [run_trial(challenger, rng=rng) for _ in range(trials)]
        for way, judge in JUDGES.items():
            shares[way].append(100 * float(np.mean([judge(each).promoted for each in seen])))
        if worth >= 0:
            ended = sorted(ending.labels for ending in map(JUDGES[OURS], seen) if ending.promoted)
            risen = [100 * count / trials for count in range(1, len(ended) + 1)]
            right.step(
                [0, *ended, LABELS], [0, *risen, risen[-1] if risen else 0], where="post", label=f"{100 * worth:+g}"
            )
    for (way, line), colour in zip(shares.items(), COLOURS, strict=True):
        left.plot(100 * np.array(WORTH), line, marker="o", color=colour, label=way)
    left.axhline(5, color="black", linewidth=0.8, linestyle=(0, (2, 2)))
    left.set(xlabel="true worth, points over all tasks", ylabel="% promoted")
    right.set(xlabel="labelled tasks of the trial", ylabel="% promoted", xlim=(0, LABELS))
    right.legend(title="worth, points", frameon=False)
    left.legend(frameon=False)
    for axes in (left, right):
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, dpi=150)
    plt.close(figure)
