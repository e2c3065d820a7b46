"""A preview for a terminal: what every budget could buy, each strategy alone, and budgets worth a thought."""

from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from gateway.report.amounts import CostScale, choose_scale, say_cost, say_share
from gateway.report.frontier_sketch import LABEL_COLUMNS, ROWS, list_letters, name_letters, with_axes
from gateway.report.sketch import Range, Sketch
from worker.preview import Preview, Reach, Single


def show_preview(preview: Preview, *, width: int) -> Group:
    """All of it, `width` characters wide."""
    return Group(*_parts(preview, width=width))


def say_basis(preview: Preview) -> str:
    """What the numbers were made from."""
    distinct = "" if preview.distinct == preview.tasks else f", {preview.distinct:,} of them different"
    sample = f"; estimated from {preview.planned_on:,} drawn at random" if preview.is_sampled else ""
    return f"{preview.tasks:,} tasks{distinct}{sample}"


def find_scale(preview: Preview) -> CostScale:
    """The scale of everything in the preview that is drawn."""
    return choose_scale(preview.unit, max(_costs(preview)))


def _parts(preview: Preview, *, width: int) -> Iterator[RenderableType]:
    yield Text(say_basis(preview))
    if preview.unservable:
        yield Text(f"{preview.unservable:,} tasks can be served by no strategy", style="bold yellow")
    if len(preview.frontier) > 1:
        yield Text()
        yield from _draw(preview, width=width)
    yield _singles_table(preview)
    yield _suggestions_table(preview)
    enough = say_cost(preview.enough, preview.unit)
    yield Text(f"{enough} is enough however long the answers get; all of this is predicted, nothing was spent")


def _draw(preview: Preview, *, width: int) -> Iterator[Text]:
    sketch = Sketch(columns=width - LABEL_COLUMNS - 1, rows=ROWS, x=_cost_range(preview), y=_accuracy_range(preview))
    budgets = [reach.budget for reach in preview.frontier]
    for side in ("low", "high"):
        sides = [getattr(reach, side) for reach in preview.frontier]
        sketch.line(budgets, sides, style="bright_black", dotted=True)
    sketch.line(budgets, [reach.accuracy for reach in preview.frontier], style="green")
    for letter, single in zip(list_letters(len(preview.singles)), preview.singles, strict=True):
        sketch.mark(single.cost, single.accuracy, letter, style="bold")
    yield from with_axes(sketch, find_scale(preview))
    yield Text.assemble(("━━ ", "green"), "best for each budget   ", ("┄┄ ", "bright_black"), "95% interval")
    yield from name_letters([single.strategy for single in preview.singles], width=width)


def _costs(preview: Preview) -> list[int]:
    return [1, *(single.cost for single in preview.singles), *(reach.budget for reach in preview.frontier)]


def _cost_range(preview: Preview) -> Range:
    return Range(low=0.0, high=max(_costs(preview)) * 1.03)


def _accuracy_range(preview: Preview) -> Range:
    """Of the curve and all strategies, and as much of the interval as is near."""
    values = [single.accuracy for single in preview.singles]
    values += [side for reach in preview.frontier for side in (reach.low, reach.high)]
    margin = max(0.02, 0.06 * (max(values) - min(values)))
    return Range(low=max(0.0, min(values) - margin), high=min(1.0, max(values) + margin))


def _singles_table(preview: Preview) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="dim")
    table.add_column("each strategy alone", no_wrap=True)
    scale = find_scale(preview)
    for heading in ("right", "95% interval", scale.label, "at most", "tasks"):
        table.add_column(heading, justify="right", no_wrap=True)
    for single in preview.singles:
        amounts = map(scale.text, (single.cost, single.worst_cost))
        table.add_row(single.strategy, say_share(single.accuracy), say_interval(single), *amounts, f"{single.tasks:,}")
    return table


def _suggestions_table(preview: Preview) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="dim")
    table.add_column("--budget", justify="right", no_wrap=True)
    table.add_column("right", justify="right", no_wrap=True)
    table.add_column("95% interval", justify="right", no_wrap=True)
    table.add_column("because", overflow="fold")
    for suggestion in preview.suggestions:
        reach = suggestion.reach
        amount = say_cost(reach.budget, preview.unit)
        table.add_row(amount, say_share(reach.accuracy), say_interval(reach), suggestion.reason)
    return table


def say_interval(of: Reach | Single) -> str:
    """Between what and what the accuracy that will be seen lies."""
    return f"{say_share(of.low)} to {say_share(of.high)}"
