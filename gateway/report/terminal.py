"""A job's report for a terminal of 80 to 120 columns."""

from collections.abc import Iterator

from rich.bar import Bar
from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from gateway.report.amounts import (
    UNKNOWN,
    report_scale,
    say_change,
    say_cost,
    say_cost_against,
    say_cost_of,
    say_points,
    say_seconds,
    say_share,
)
from gateway.report.exploration import say_exploration
from gateway.report.frontier_sketch import sketch_frontier
from gateway.report.judging import say_judging
from gateway.report.measures import best_single, compare_with_singles
from gateway.report.second_chances import say_second_chances
from gateway.report.sentences import say_certificate, say_counts, say_price, say_right, say_saving
from gateway.report.styles import bar_text, strategy_style
from gateway.report.values import Example, JobReport, StrategyReport

MAX_WIDTH = 120


def print_report(console: Console, report: JobReport) -> None:
    """Print the report, as wide as the terminal up to 120 columns."""
    width = min(console.width, MAX_WIDTH)
    for part in render_report(report, width=width, plots=not console.options.ascii_only):
        console.print(part, width=width)


def render_report(report: JobReport, *, width: int, plots: bool) -> Iterator[RenderableType]:
    """The report's parts from top to bottom; `plots` needs a terminal that shows braille."""
    yield _headline(report)
    for warning in report.warnings:
        yield Padding(Text.assemble(("! ", "bold yellow"), warning), (1, 2, 0, 2))
    yield from _section("Where the tasks went", _mix_table(report))
    yield from _section("Against one strategy for every task", _singles_table(report))
    if plots and len(report.frontier) > 1:
        yield from _section("What a budget can buy", sketch_frontier(report, width=width - 4))
    if report.accuracy_bins:
        yield from _section("Predicted against observed", _calibration_table(report))
    if report.examples:
        yield from _section("Why these went where they did", Group(*map(_example, report.examples[:4])))
    yield from _section("Who answered, and how long it took", _run_table(report))


def _section(title: str, body: RenderableType) -> Iterator[RenderableType]:
    yield Text()
    yield Rule(Text(title, style="bold"), align="left", style="dim")
    yield Padding(body, (0, 2))


def _headline(report: JobReport) -> RenderableType:
    budget = report.budget
    lines = Table.grid(padding=(0, 2))
    lines.add_column(style="dim", no_wrap=True)
    lines.add_column()
    if report.observed_accuracy is not None:
        right = say_share(report.observed_accuracy)
        lines.add_row("accuracy", Text.assemble((right, "bold green"), f" {say_right(report)}"))
    lines.add_row("predicted", f"{say_share(report.predicted_accuracy)}, {say_certificate(report)}")
    lines.add_row("spend", _spend_line(report))
    if budget.burned_quanta or budget.overrun_quanta:
        burned, overrun = (say_cost(quanta, report.unit) for quanta in (budget.burned_quanta, budget.overrun_quanta))
        lines.add_row("of which", f"{burned} burned by interrupted work, {overrun} overrun")
    if saving := best_single(report):
        lines.add_row("against", say_saving(saving))
    if price := say_price(report):
        lines.add_row("budget" if report.tasks.beyond_budget else "price", price)
    lines.add_row("tasks", say_counts(report))
    if report.exploration is not None:
        lines.add_row("explored", say_exploration(report.exploration, unit=report.unit))
    if report.second_chances is not None:
        lines.add_row("again", say_second_chances(report.second_chances, unit=report.unit))
    if report.judging:
        lines.add_row("judged", say_judging(report.judging))
    title = Text.assemble((f"job {report.job_id}", "bold"), f" · {report.job_file} · {report.state}")
    asked = report.objective
    return Panel(lines, title=title, title_align="left", subtitle=asked, subtitle_align="right", padding=(1, 2))


def _spend_line(report: JobReport) -> Text:
    budget = report.budget
    if budget.cap_quanta is None:
        return Text(f"{say_cost(budget.used_quanta, report.unit)}, no cap")
    share = budget.used_quanta / budget.cap_quanta if budget.cap_quanta else 0.0
    bar = bar_text(share, width=22, style="green" if share <= 1 else "red")
    return Text.assemble(bar, f" {say_cost_of(budget.used_quanta, budget.cap_quanta, report.unit)}")


def _mix_table(report: JobReport) -> RenderableType:
    scale = report_scale(report)
    table = Table(box=SIMPLE_HEAD, pad_edge=False, expand=True, header_style="dim")
    table.add_column("strategy", no_wrap=True)
    table.add_column("tasks", justify="right")
    table.add_column("", min_width=8, ratio=1)
    table.add_column("cost", justify="right")
    table.add_column("predicted", justify="right")
    table.add_column("observed", justify="right")
    most = max((strategy.tasks for strategy in report.strategies), default=0)
    for index, strategy in enumerate(report.strategies):
        style = strategy_style(index)
        table.add_row(
            Text(strategy.name, style if strategy.tasks else "dim"),
            f"{strategy.tasks:,}",
            Bar(size=max(1, most), begin=0, end=strategy.tasks, color=style),
            scale.text(strategy.cost_quanta) if strategy.tasks else UNKNOWN,
            say_share(strategy.predicted_accuracy),
            say_share(strategy.observed_accuracy),
        )
    return Group(table, Text(f"cost in {scale.label}", style="dim"))


def _singles_table(report: JobReport) -> RenderableType:
    scale = report_scale(report)
    by_name = {strategy.name: strategy for strategy in report.strategies}
    table = Table(box=SIMPLE_HEAD, pad_edge=False, expand=True, header_style="dim")
    table.add_column("every task with", no_wrap=True, ratio=1)
    table.add_column("accuracy", justify="right")
    table.add_column("cost", justify="right")
    table.add_column("this job", justify="right")
    table.add_column("and is ahead by", justify="right")
    for saving in compare_with_singles(report):
        strategy = by_name[saving.strategy]
        table.add_row(
            _single_name(strategy, report.tasks.total),
            say_share(strategy.alone_accuracy),
            scale.text(strategy.alone_cost_quanta),
            _signed(saving.cost_share, say_cost_against(saving.cost_share)),
            _signed(saving.accuracy_points, f"{say_points(saving.accuracy_points)} points"),
        )
    return Group(table, Text(f"cost in {scale.label}; predicted", style="dim"))


def _single_name(strategy: StrategyReport, task_count: int) -> Text:
    if strategy.eligible_tasks == task_count:
        return Text(strategy.name)
    return Text.assemble(strategy.name, (f" (can serve {strategy.eligible_tasks:,})", "dim"))


def _signed(value: float, text: str) -> Text:
    return Text(text, style="green" if value > 0 else "red" if value < 0 else "")


def _calibration_table(report: JobReport) -> RenderableType:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="dim")
    for heading in ("predicted", "observed", "95% interval", "tasks"):
        table.add_column(heading, justify="right")
    table.add_column("")
    for part in report.accuracy_bins:
        inside = part.low <= part.predicted <= part.high
        table.add_row(
            say_share(part.predicted),
            say_share(part.observed),
            f"{100 * part.low:.0f} to {100 * part.high:.0f}%",
            f"{part.tasks:,}",
            Text("as predicted", style="green") if inside else Text("outside", style="yellow"),
        )
    predicted, paid = report.ran_predicted_quanta, report.ran_cost_quanta
    ratio = f" ({say_change(paid / predicted)})" if predicted else ""
    cost = f"cost: predicted {say_cost(predicted, report.unit)}, paid {say_cost(paid, report.unit)}{ratio}"
    return Group(table, Text(cost))


def _example(example: Example) -> RenderableType:
    verdict = {None: ("", ""), 1.0: (" ✓ right", "green"), 0.0: (" ✗ wrong", "red")}.get(
        example.grade, (f" graded {example.grade}", "yellow")
    )
    prompt = Text(f"“{' '.join(example.prompt.split())}”", style="italic", overflow="ellipsis", no_wrap=True)
    heading = Text.assemble((example.custom_id, "dim"), " → ", (example.chosen, "bold"), verdict)
    return Padding(Group(heading, prompt, Text(example.reason)), (1, 0, 0, 0))


def _run_table(report: JobReport) -> Table:
    times = report.timings
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    for engine in report.engines:
        table.add_row(engine.name, f"{engine.kind}: {engine.model}; {engine.version}; {engine.device}")
        if engine.note:
            table.add_row("", Text(engine.note, style="yellow"))
    stages = ", ".join(f"{stage.name} {say_seconds(stage.seconds)}" for stage in times.stages)
    table.add_row("time", f"{say_seconds(times.wall_seconds)} in all" + (f": {stages}" if stages else ""))
    table.add_row("overhead", f"{times.overhead_ms_per_task:.2f} ms a task (everything but encoding and generation)")
    return table
