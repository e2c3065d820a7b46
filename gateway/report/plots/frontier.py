"""What every budget can buy, with the point that was planned, the point reached, and every single strategy."""

from typing import TYPE_CHECKING, NamedTuple

from gateway.report.amounts import report_scale, say_share
from gateway.report.measures import mixture_line
from gateway.report.plots.labels import PointLabel, place_labels
from gateway.report.plots.theme import ACCENT, GOOD, INK, MUTED, PAPER, strategy_colour, themed_figure, write_svg
from gateway.report.values import JobReport, Point

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NEAR = 0.05  # of an axis: two points so close share one label


def draw_frontier(report: JobReport) -> str:
    """The plot as inline SVG."""
    scale = report_scale(report)
    with themed_figure(8.6, 4.7) as (figure, axes):
        _draw_lines(axes, report)
        labels = [*_draw_singles(axes, report), *_draw_job(axes, report)]
        axes.set_xlabel(f"cost, {scale.label}")
        axes.set_ylabel("tasks answered right, %")
        axes.set_xlim(left=0)
        axes.margins(y=0.08)
        _draw_cap(axes, report)
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3)  # above the plot, where no point can be
        place_labels(axes, labels)
        planned, reached = scale.text(report.plan.cost_quanta), scale.text(report.budget.used_quanta)
        description = (
            f"The plan reaches {say_share(report.plan.accuracy)} at {planned} {scale.label}; "
            f"the job reached {say_share(report.observed_accuracy)} at {reached}."
        )
        return write_svg(figure, name="frontier", title="Accuracy a budget can buy", description=description)


def _draw_lines(axes: "Axes", report: JobReport) -> None:
    mixture = mixture_line(report.strategies, task_count=report.tasks.total)
    dots = (0, (2, 3))
    axes.plot(*_columns(report, mixture), color=MUTED, linestyle=dots, linewidth=1.6, label="random mixture, predicted")
    best = "best for each budget, predicted"
    axes.plot(*_columns(report, report.frontier), color=ACCENT, linewidth=2.4, label=best)


class _Columns(NamedTuple):
    cost: list[float]
    accuracy_percent: list[float]


def _columns(report: JobReport, points: tuple[Point, ...]) -> _Columns:
    scale = report_scale(report)
    return _Columns([scale.value(p.cost_quanta) for p in points], [100 * p.accuracy for p in points])


def _draw_singles(axes: "Axes", report: JobReport) -> list[PointLabel]:
    scale = report_scale(report)
    labels = []
    for index, strategy in enumerate(report.strategies):
        x, y = scale.value(strategy.alone_cost_quanta), 100 * strategy.alone_accuracy
        whole = strategy.eligible_tasks == report.tasks.total
        colour = strategy_colour(index)
        axes.scatter([x], [y], s=46, color=colour if whole else PAPER, edgecolor=colour, linewidth=1.6, zorder=3)
        labels.append(PointLabel(x, y, strategy.name, MUTED))
    return labels


def _draw_job(axes: "Axes", report: JobReport) -> list[PointLabel]:
    scale = report_scale(report)
    planned = scale.value(report.plan.cost_quanta), 100 * report.plan.accuracy
    axes.scatter(*planned, s=95, marker="D", color=PAPER, edgecolor=ACCENT, linewidth=2.2, zorder=4)
    if report.observed_accuracy is None:
        return [PointLabel(*planned, "planned", INK)]
    reached = scale.value(report.budget.used_quanta), 100 * report.observed_accuracy
    axes.scatter(*reached, s=105, color=GOOD, edgecolor=PAPER, linewidth=1.5, zorder=5)
    if abs(planned[0] - reached[0]) < NEAR * axes.get_xlim()[1] and abs(planned[1] - reached[1]) < NEAR * 100:
        return [PointLabel(*reached, "planned, reached", INK)]
    return [PointLabel(*planned, "planned", INK), PointLabel(*reached, "reached", INK)]


def _draw_cap(axes: "Axes", report: JobReport) -> None:
    if report.budget.cap_quanta is not None:
        x = report_scale(report).value(report.budget.cap_quanta)
        axes.axvline(x, color=INK, linewidth=1.1, linestyle=(0, (6, 3)), zorder=1, label="budget")
