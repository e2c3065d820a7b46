"""Warnings of the worker package, told as notes of the view instead of through its live part."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LOGGER = "worker"


class NotedWarnings(logging.Handler):
    """Passes on the message of each warning."""

    def __init__(self, note: Callable[[str], None]) -> None:
        super().__init__(level=logging.WARNING)
        self._note = note

    def emit(self, record: logging.LogRecord) -> None:
        self._note(record.getMessage())


@contextmanager
def note_warnings(note: Callable[[str], None]) -> Iterator[None]:
    """Warnings become notes for as long as the block lasts."""
    handler, logger = NotedWarnings(note), logging.getLogger(LOGGER)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
