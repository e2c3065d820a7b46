"""The frontier of a job as a braille plot, with the single strategies as letters."""

from collections.abc import Sequence

from rich.console import Group
from rich.text import Text

from gateway.report.amounts import CostScale, report_scale
from gateway.report.measures import mixture_line, nice_ticks
from gateway.report.sketch import Range, Sketch
from gateway.report.values import JobReport, Point

ROWS = 13
LABEL_COLUMNS = 7  # beside the plot
PLANNED, REACHED = "◆", "●"


def sketch_frontier(report: JobReport, *, width: int) -> Group:
    """The plot with its axes and legend, `width` characters wide."""
    sketch = Sketch(columns=width - LABEL_COLUMNS - 1, rows=ROWS, x=_cost_range(report), y=_accuracy_range(report))
    mixture = mixture_line(report.strategies, task_count=report.tasks.total)
    _draw_line(sketch, mixture, style="bright_black", dotted=True)
    _draw_line(sketch, report.frontier, style="green", dotted=False)
    for letter, strategy in zip(list_letters(len(report.strategies)), report.strategies, strict=True):
        sketch.mark(strategy.alone_cost_quanta, strategy.alone_accuracy, letter, style="bold")
    sketch.mark(report.plan.cost_quanta, report.plan.accuracy, PLANNED, style="bold cyan")
    if report.observed_accuracy is not None:
        sketch.mark(report.budget.used_quanta, report.observed_accuracy, REACHED, style="bold green")
    return Group(*with_axes(sketch, report_scale(report)), Text(), *_legend(report, width=width))


def list_letters(strategies: int) -> list[str]:
    """A letter for each strategy, in their order."""
    return [chr(ord("A") + index) if index < 26 else "·" for index in range(strategies)]


def _cost_range(report: JobReport) -> Range:
    costs = [s.alone_cost_quanta for s in report.strategies] + [p.cost_quanta for p in report.frontier]
    return Range(low=0.0, high=max([*costs, report.budget.used_quanta, 1.0]) * 1.03)


def _accuracy_range(report: JobReport) -> Range:
    values = [s.alone_accuracy for s in report.strategies] + [p.accuracy for p in report.frontier]
    values += [report.plan.accuracy] + ([] if report.observed_accuracy is None else [report.observed_accuracy])
    low, high = min(values), max(values)
    margin = max(0.02, 0.06 * (high - low))
    return Range(low=max(0.0, low - margin), high=min(1.0, high + margin))


def _draw_line(sketch: Sketch, points: tuple[Point, ...], *, style: str, dotted: bool) -> None:
    if len(points) > 1:
        xs, ys = [p.cost_quanta for p in points], [p.accuracy for p in points]
        sketch.line(xs, ys, style=style, dotted=dotted)


def with_axes(sketch: Sketch, scale: CostScale) -> list[Text]:
    """The plot with its axes: accuracy in percent beside it, cost below it."""
    labels = {_row_of(sketch, tick): f"{100 * tick:.0f}%" for tick in nice_ticks(sketch.y.low, sketch.y.high, count=7)}
    lines = []
    for row, area in enumerate(sketch.lines()):
        label = labels.get(row, "").rjust(LABEL_COLUMNS - 1)
        lines.append(Text.assemble((f"{label} {'┤' if row in labels else '│'}", "dim"), area))
    ticks = {tick: f"{tick:g}" for tick in nice_ticks(0.0, scale.value(sketch.x.high), count=6)}
    places = {round(sketch.x.share(tick * scale.quanta) * (sketch.columns - 1)): label for tick, label in ticks.items()}
    corner = " " * LABEL_COLUMNS
    line = "".join("┬" if column in places else "─" for column in range(sketch.columns))
    lines.append(Text(f"{corner}└{line}", style="dim"))
    lines.append(Text(f"{corner} {_place_labels(places, columns=sketch.columns)}", style="dim"))
    lines.append(Text(f"cost, {scale.label}".rjust(LABEL_COLUMNS + 1 + sketch.columns), style="dim"))
    return lines


def _row_of(sketch: Sketch, value: float) -> int:
    return min(sketch.rows - 1, int((1 - sketch.y.share(value)) * sketch.rows))


def _place_labels(labels: dict[int, str], *, columns: int) -> str:
    line = ""
    for place, label in labels.items():
        start = min(place, columns - len(label))
        line = line.ljust(start) + label if start > len(line) or not line else line
    return line


def _legend(report: JobReport, *, width: int) -> list[Text]:
    lines = [
        Text.assemble(
            ("━━ ", "green"),
            "best for each budget   ",
            ("┄┄ ", "bright_black"),
            "random mixture   ",
            (f"{PLANNED} ", "bold cyan"),
            "planned   ",
            (f"{REACHED} ", "bold green"),
            "reached",
        )
    ]
    return [*lines, *name_letters([strategy.name for strategy in report.strategies], width=width)]


def name_letters(names: Sequence[str], *, width: int) -> list[Text]:
    """Which strategy each letter stands for, in as many lines as it takes."""
    lines, line = [], ""
    for letter, name in zip(list_letters(len(names)), names, strict=True):
        entry = f"{letter} {name}"
        if line and len(line) + 3 + len(entry) > width:
            lines.append(Text(line, style="dim"))
            line = ""
        line = f"{line}   {entry}" if line else entry
    return [*lines, Text(line, style="dim")]
