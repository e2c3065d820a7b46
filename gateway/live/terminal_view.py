"""The live view: finished stages above; below them the one under way, the spend against the cap, and the mix."""

import time
from collections.abc import Callable, Iterable
from threading import Lock
from typing import Self

from rich.columns import Columns
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from gateway.live.progress import Moment, StageClock
from gateway.live.words import say_count, say_grades, say_spend, say_times
from gateway.report.amounts import say_cost, say_seconds
from gateway.report.styles import strategy_style
from worker.progress import Progress

STAGE_COLUMNS = 21


class TerminalView:
    """Redraws itself a few times a second between `with` and its end; `show` may be called from any thread."""

    def __init__(self, console: Console, *, now: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = StageClock(now)
        self._lock = Lock()
        self._spinner = Spinner("dots", style="cyan")
        self._live = Live(self, console=console, refresh_per_second=8, transient=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, error: type[BaseException] | None, *_rest: object) -> None:
        self._live.stop()
        last = self._clock.moment()
        if last is not None:
            self._console.print(_finished_line(last, ended_well=error is None))

    def show(self, progress: Progress) -> None:
        """Take in what the work reports."""
        with self._lock:
            ended = self._clock.note(progress)
        if ended is not None:
            self._live.console.print(_finished_line(ended, ended_well=True))

    def note(self, text: str) -> None:
        """Print a line above the live part."""
        self._live.console.print(Text.assemble(("! ", "bold yellow"), text))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        with self._lock:
            moment = self._clock.moment()
        if moment is not None:
            yield self._render(moment, bar_columns=min(32, max(10, options.max_width - 62)))

    def _render(self, moment: Moment, *, bar_columns: int) -> RenderableType:
        progress = moment.progress
        rows = Table.grid(padding=(0, 1), expand=True)
        rows.add_column(width=1)
        rows.add_column(width=STAGE_COLUMNS, no_wrap=True)
        rows.add_column(ratio=1)
        rows.add_row(self._spinner, Text(progress.stage, style="bold"), _stage_bar(moment, bar_columns))
        if progress.unit is not None:
            rows.add_row("", Text("spend", style="dim"), _spend_bar(progress, bar_columns))
        if progress.graded:
            rows.add_row("", Text("accuracy", style="dim"), say_grades(progress))
        if any((progress.mix or {}).values()):
            rows.add_row("", Text("mix", style="dim"), _mix_bar(progress, bar_columns))
        return rows


def _finished_line(moment: Moment, *, ended_well: bool) -> Text:
    sign = ("\N{CHECK MARK} ", "green") if ended_well else ("\N{BALLOT X} ", "red")
    progress = moment.progress
    spent = say_cost(progress.spent, progress.unit) if progress.unit is not None else ""
    words = (say_count(progress), say_seconds(moment.seconds), spent)
    return Text.assemble(sign, progress.stage.ljust(STAGE_COLUMNS + 1), (_joined(words), "dim"))


def _stage_bar(moment: Moment, columns: int) -> RenderableType:
    words = _joined((say_count(moment.progress), say_times(moment)))
    if moment.share is None:
        return Text(words, style="dim")
    cells = round(columns * moment.share)
    return Text.assemble(("━" * cells, "cyan"), ("━" * (columns - cells), "bright_black"), f" {words}")


def _joined(words: Iterable[str]) -> str:
    return " \N{MIDDLE DOT} ".join(word for word in words if word)


def _spend_bar(progress: Progress, columns: int) -> RenderableType:
    """Spent is solid and what is held for work in flight pale, both against the cap."""
    if not progress.cap:
        return Text(say_spend(progress))
    spent, held = progress.spent / progress.cap, (progress.spent + progress.reserved) / progress.cap
    cells = [round(columns * min(share, 1.0)) for share in (spent, held, 1.0)]
    bar = Text.assemble(
        ("█" * cells[0], "green"), ("▒" * (cells[1] - cells[0]), "green"), ("░" * (cells[2] - cells[1]), "bright_black")
    )
    return Text.assemble(bar, f" {say_spend(progress)}")


def _mix_bar(progress: Progress, columns: int) -> RenderableType:
    mix = progress.mix or {}
    bar = Text()
    names: list[Text] = []
    total, filled, seen = max(1, sum(mix.values())), 0, 0
    for index, (name, count) in enumerate(mix.items()):
        seen += count
        cells = round(columns * seen / total) - filled  # rounding the running sum makes the parts fill the bar
        filled += cells
        bar.append("█" * cells, strategy_style(index))
        if count:
            names.append(Text.assemble(("■ ", strategy_style(index)), f"{name} {count:,}"))
    return Group(bar, Columns(names, padding=(0, 2)))
