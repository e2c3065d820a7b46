"""The figures of a data set as markdown."""

import math
from collections.abc import Sequence

from bench.calibration import Calibration
from bench.decision_curve import LEVELS
from bench.decision_summary import DatasetResult, Summary
from bench.paired_bootstrap import Interval

CURVE_COLUMNS = ("method", "area", *(f"{level:.0%}" for level in LEVELS[1:]), "own less this (95 %)", "to best single")
QUALITY_COLUMNS = (
    "method", "Brier", "Brier less own (95 %)", "ECE (floor)", "ECE chosen (floor)", "cost error", "spend / budget",
    "spend / predicted", "training s", "us a task",
)  # fmt: skip


def format_result(result: DatasetResult) -> str:
    """Two tables: decisions, and the numbers behind them."""
    table = result.table
    heading = f"## {table.name}: {len(table)} queries, {len(table.strategies)} strategies"
    notes = [f"- {note}" for note in table.notes]
    (best, full_cost), (cheapest, least_cost) = result.best_single, result.cheapest
    singles = f"- best single strategy: accuracy {_points(best)}, {full_cost:.3g} {table.unit} a query"
    singles += f"; cheapest: {_points(cheapest)}, {least_cost:.3g}"
    curves = [_curve_row(name, summary) for name, summary in result.summaries.items()]
    quality = [_quality_row(name, summary) for name, summary in result.summaries.items()]
    return "\n\n".join(
        (heading, "\n".join((singles, *notes)), markdown(CURVE_COLUMNS, curves), markdown(QUALITY_COLUMNS, quality))
    )


def format_overview(results: Sequence[DatasetResult]) -> str:
    """Area of every method on every data set, and its mean."""
    names = [name for name in results[0].summaries if all(name in result.summaries for result in results)]
    rows = []
    for name in names:
        areas = [result.summaries[name].area for result in results]
        rows.append((name, *map(_area, areas), _area(sum(areas) / len(areas))))
    return markdown(("area", *(result.table.name for result in results), "mean"), rows)


def markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose columns line up."""
    lines = [list(columns), *map(list, rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(columns))]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))} |" for line in lines
    )


def format_interval(interval: Interval | None) -> str:
    """A difference with its limits; empty where there is none."""
    return (
        ""
        if interval is None or math.isnan(interval.mean)
        else f"{interval.mean:+.4f} ({interval.low:+.4f}, {interval.high:+.4f})"
    )


def _curve_row(name: str, summary: Summary) -> tuple[str, ...]:
    reached = summary.share_to_best_single
    return (
        name,
        _area(summary.area),
        *(_points(accuracy) for accuracy in summary.accuracy[1:]),
        format_interval(summary.area_behind),
        "never" if math.isnan(reached) else f"{reached:.0%}",
    )


def _quality_row(name: str, summary: Summary) -> tuple[str, ...]:
    return (
        name,
        _area(summary.brier),
        format_interval(summary.brier_behind),
        _calibration(summary.calibration_error),
        _calibration(summary.chosen_calibration_error),
        f"{summary.cost_error:.2f}",
        f"{summary.spend_over_budget[1:].mean():.3f}",
        f"{summary.spend_over_predicted:.3f}",
        f"{summary.training_seconds:.1f}",
        f"{summary.serving_microseconds:.0f}",
    )


def _calibration(measured: Calibration) -> str:
    return f"{measured.error:.3f} ({measured.floor:.3f})"


def _points(accuracy: float) -> str:
    return f"{100 * accuracy:.1f}"


def _area(area: float) -> str:
    return f"{area:.4f}"
