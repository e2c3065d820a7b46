"""What policies are worth over all budgets, night by night: one panel a scenario, beside what exploring costs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench.learning_results import Replay, measure_loss
from bench.replay_policies import APART, CONSTANT, FULL, GREEDY, NEIGHBOURS, NO_LEARNING, OWN, SAME, UNGATED
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
    UNGATED: "#d9a400",
    SAME: "#7a9e3f",
    APART: "#b7a98f",
}
LIMITS = {FULL: (0, (5, 2)), SAME: (0, (1, 1.5)), APART: (0, (1, 1.5))}  # what nobody can be told: their dashes

MOST_COLUMNS = 3  # that can be read at the width of a page


def plot_replays(by_scenario: Mapping[Scenario, Sequence[Replay]], *, path: Path) -> None:
    """Draw it to a file, whose name says the format."""
    from matplotlib.figure import Figure

    columns = min(len(by_scenario) + 1, MOST_COLUMNS)
    lines = -(-(len(by_scenario) + 1) // columns)
    figure = Figure(figsize=(3.7 * columns, 3.4 * lines), layout="constrained", dpi=130)
    panels = figure.subplots(lines, columns, squeeze=False).ravel()
    for axes, (scenario, replays) in zip(panels, by_scenario.items(), strict=False):
        _draw_areas(axes, scenario, replays)
    _draw_losses(panels[len(by_scenario)], by_scenario)
    for axes in panels[len(by_scenario) + 1 :]:
        axes.set_axis_off()
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, frameon=False, loc="outside lower center", ncols=3 * columns // 2)
    figure.savefig(path)


def _draw_areas(axes: "Axes", scenario: Scenario, replays: Sequence[Replay]) -> None:
    nights = np.arange(1, len(replays[0].world.nights) + 1)
    for policy in replays[0].nights:
        axes.plot(
            nights,
            100 * np.mean([replay.trace_area(policy) for replay in replays], axis=0),
            color=COLOURS[policy],
            linewidth=2.6 if policy == OWN else 1.3,
            linestyle=LIMITS.get(policy, "-"),
            label=policy,
        )
    if scenario not in (Scenario.QUIET, Scenario.TOPICS):
        axes.axvline(len(nights) // 2 + 0.5, color="#111827", linewidth=0.6, linestyle=(0, (1, 3)))
    axes.set_title(f"{scenario}, {len(replays)} replays", loc="left", fontsize=10)
    axes.set_ylabel("right of the tasks held out, %")
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
