"""What policies are worth night by night: one panel a scenario, beside what exploring costs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench.learning_results import Replay, measure_loss
from bench.replay_policies import CONSTANT, FULL, GREEDY, NEIGHBOURS, NO_LEARNING, OWN
from bench.replay_scenarios import Scenario

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = {
    OWN: "#0b5fff",
    FULL: "#7a9e3f",
    CONSTANT: "#8a8f98",
    NO_LEARNING: "#c2410c",
    GREEDY: "#7a5195",
    NEIGHBOURS: "#00897b",
}


def plot_replays(by_scenario: Mapping[Scenario, Sequence[Replay]], *, path: Path) -> None:
    """Draw it to a file, whose name says the format."""
    from matplotlib.figure import Figure

    columns = len(by_scenario) + 1
    figure = Figure(figsize=(4.6 * columns, 4.4), layout="constrained", dpi=130)
    panels = figure.subplots(1, columns, squeeze=False).ravel()
    for axes, (scenario, replays) in zip(panels, by_scenario.items(), strict=False):
        _draw_areas(axes, scenario, replays)
    _draw_losses(panels[-1], by_scenario)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, frameon=False, loc="outside lower center", ncols=len(labels))
    figure.savefig(path)


def _draw_areas(axes: "Axes", scenario: Scenario, replays: Sequence[Replay]) -> None:
    nights = np.arange(1, len(replays[0].world.nights) + 1)
    for policy in replays[0].nights:
        gains = [replay.trace_area(policy) - replay.trace_area(CONSTANT) for replay in replays]
        axes.plot(
            nights,
            100 * np.mean(gains, axis=0),
            color=COLOURS[policy],
            linewidth=2.6 if policy == OWN else 1.3,
            linestyle=(0, (5, 2)) if policy == FULL else "-",
            label=policy,
        )
    if scenario not in (Scenario.QUIET, Scenario.TOPICS):
        axes.axvline(len(nights) // 2 + 0.5, color="#111827", linewidth=0.6, linestyle=(0, (1, 3)))
    axes.set_title(f"{scenario}, {len(replays)} replays", loc="left", fontsize=10)
    axes.set_ylabel("points over the constant router, tasks held out")
    _finish(axes)


def _draw_losses(axes: "Axes", by_scenario: Mapping[Scenario, Sequence[Replay]]) -> None:
    for scenario, replays in by_scenario.items():
        loss = measure_loss(replays, OWN)
        axes.plot(np.arange(1, len(loss) + 1), loss, linewidth=1.3, label=str(scenario))
    axes.axhline(0, color="#111827", linewidth=0.6)
    axes.set_title("what exploring costs", loc="left", fontsize=10)
    axes.set_ylabel("accuracy points")
    axes.legend(frameon=False, fontsize=8)
    _finish(axes)


def _finish(axes: "Axes") -> None:
    axes.set_xlabel("night")
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
