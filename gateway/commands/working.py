"""The surroundings of a command that works for a while: a view of its progress, and Ctrl-C that ends it well."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console

from gateway.interrupts import Interrupts
from gateway.live.choose_view import ProgressView, choose_view
from gateway.live.noted_warnings import note_warnings
from worker.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Working:
    """What the work reports to, and what tells it to stop starting things."""

    view: ProgressView
    draining: threading.Event


@contextmanager
def working(console: Console, settings: Settings) -> Iterator[Working]:
    """A view and a drain switch for as long as the block lasts; the second Ctrl-C leaves it by KeyboardInterrupt."""
    draining = threading.Event()
    asked = "no longer waiting; the work goes on" if settings.is_watching else "finishing what has started"
    with choose_view(console) as view:

        def drain() -> None:
            draining.set()
            view.note(f"{asked}; press Ctrl-C again to stop at once")

        with Interrupts(on_drain=drain, on_abort=_abort), note_warnings(view.note):
            yield Working(view=view, draining=draining)


def _abort() -> None:
    raise KeyboardInterrupt
