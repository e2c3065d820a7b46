"""Accuracy against actual spend: the router's runs among single strategies, random mixtures and the oracle."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench.budget_runs import BudgetRun
from bench.observed import Observed
from gateway.report.amounts import CostScale, choose_scale
from gateway.report.plots.labels import PointLabel, place_labels

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ORACLE, ROUTER, MIXTURE, SINGLE = "#7a9e3f", "#0b5fff", "#8a8f98", "#c2410c"
CURVE_POINTS = 60


def plot_main_job(observed: Observed, runs: Sequence[BudgetRun], *, path: Path, title: str) -> None:
    """Draw it to a file, whose name says the format."""
    from matplotlib.figure import Figure

    scale = choose_scale(observed.unit, observed.dearest_single.cost)
    figure = Figure(figsize=(9, 5.4), layout="constrained", dpi=130)
    axes = figure.subplots()
    _draw_curves(axes, observed, scale)
    labels = _draw_singles(axes, observed, scale)
    _draw_runs(axes, observed, runs, scale)
    axes.set_title(title, loc="left")
    axes.set_xlabel(f"actual spend, {scale.label}")
    axes.set_ylabel("tasks answered right, %")
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    place_labels(axes, labels)
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    figure.savefig(path)


def _draw_curves(axes: "Axes", observed: Observed, scale: CostScale) -> None:
    largest = max(float(observed.totals.cost.max()), observed.cheapest_total)
    budgets = np.linspace(observed.cheapest_total, largest, CURVE_POINTS)
    x = [scale.value(budget) for budget in budgets]
    oracle = [_percent(observed, observed.oracle_within(budget).correct) for budget in budgets]
    axes.plot(x, oracle, color=ORACLE, linewidth=1.8, label="oracle")
    budgets = np.linspace(float(observed.totals.cost.min()), largest, CURVE_POINTS)
    x = [scale.value(budget) for budget in budgets]
    mixture = [_percent(observed, observed.best_mixture_within(budget).correct) for budget in budgets]
    axes.plot(x, mixture, color=MIXTURE, linestyle=(0, (2, 2)), linewidth=1.6, label="best random mixture")


def _draw_singles(axes: "Axes", observed: Observed, scale: CostScale) -> list[PointLabel]:
    x = [scale.value(cost) for cost in observed.totals.cost]
    y = [_percent(observed, correct) for correct in observed.totals.accuracy]
    axes.scatter(x, y, s=34, color=SINGLE, label="one strategy for all", zorder=3)
    return [PointLabel(*point, SINGLE) for point in zip(x, y, observed.strategies, strict=True)]


def _draw_runs(axes: "Axes", observed: Observed, runs: Sequence[BudgetRun], scale: CostScale) -> None:
    ordered = sorted(runs, key=lambda run: run.spent)
    x, y = [scale.value(run.spent) for run in ordered], [_percent(observed, run.correct) for run in ordered]
    axes.plot(x, y, color=ROUTER, linewidth=1.2, alpha=0.5)
    axes.scatter(x, y, s=52, color=ROUTER, label="router", zorder=4)


def _percent(observed: Observed, correct: float) -> float:
    return 100 * correct / len(observed.accuracy)
