"""Plain lines for logs and pipes: one when a stage begins or ends, and one for every tenth of a long one."""

import time
from collections.abc import Callable
from threading import Lock
from typing import Self

from rich.console import Console

from gateway.live.progress import Moment, StageClock
from gateway.live.words import say_count, say_grades, say_mix, say_spend, say_times
from gateway.report.amounts import say_seconds
from worker.progress import Progress

QUIET_SECONDS = 2.0  # stages shorter than this say nothing in between


class PlainView:
    """The same calls as TerminalView, for an output that is no terminal."""

    def __init__(self, console: Console, *, now: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = StageClock(now)
        self._lock = Lock()
        self._tenths = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error: type[BaseException] | None, *_rest: object) -> None:
        last = self._clock.moment()
        if last is not None:
            self._print(last, ending="done" if error is None else "stopped")

    def show(self, progress: Progress) -> None:
        """Take in what the work reports."""
        with self._lock:
            ended = self._clock.note(progress)
            moment = self._clock.moment()
            if ended is not None:
                self._tenths = 0
                self._print(ended, ending="done")
            if moment is not None:
                self._print_tenth(moment)

    def note(self, text: str) -> None:
        """Print a line."""
        self._print_text(f"! {text}")

    def _print_tenth(self, moment: Moment) -> None:
        if moment.share is None or moment.share == 1 or moment.seconds < QUIET_SECONDS:
            return
        tenths = int(moment.share * 10)
        if tenths > self._tenths:
            self._tenths = tenths
            self._print(moment, ending="")

    def _print(self, moment: Moment, *, ending: str) -> None:
        progress = moment.progress
        spent = say_spend(progress)
        times = say_seconds(moment.seconds) if ending else say_times(moment)
        parts = [ending, say_count(progress), times, f"spent {spent}" if spent else ""]
        parts += [say_grades(progress), say_mix(progress)]
        self._print_text(f"{progress.stage}: {'; '.join(part for part in parts if part)}")

    def _print_text(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)
