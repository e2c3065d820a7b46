"""Builds what the server works with; nothing is built anywhere else, and nothing when a module is imported."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.api.front_door import FrontDoor
from worker.database import open_database
from worker.pool import read_strategy_file
from worker.settings import Settings


@contextmanager
def open_front_door(settings: Settings, *, strategy_file: Path) -> Iterator[FrontDoor]:
    """What the endpoints work with, for as long as the block lasts."""
    pool = read_strategy_file(strategy_file)
    with open_database(settings) as database:
        yield FrontDoor(settings=settings, database=database, pool=pool)
