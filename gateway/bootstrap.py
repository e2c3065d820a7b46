"""Builds what the server works with; nothing is built anywhere else, and nothing when a module is imported."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine as Database

from gateway.api.front_door import FrontDoor
from gateway.api.planning_room import PlanningRoom
from gateway.api.rate_limits import RateLimits
from gateway.desk.keeper import DeskKeeper
from gateway.file_store import FileStore
from router.strategy import StrategyPool
from worker.chat_room import ChatRoom
from worker.database import open_database
from worker.pool import read_strategy_file
from worker.settings import Settings


@contextmanager
def open_front_door(settings: Settings, *, strategy_file: Path) -> Iterator[FrontDoor]:
    """What the endpoints work with, and a desk beside them, for as long as the block lasts."""
    pool = read_strategy_file(strategy_file)
    with open_database(settings) as database, DeskKeeper(settings, strategy_file=strategy_file) as keeper:
        yield build_front_door(
            settings,
            database=database,
            pool=pool,
            strategy_file=strategy_file,
            desk_is_at_work=lambda: keeper.is_at_work,
        )


def build_front_door(
    settings: Settings,
    *,
    database: Database,
    pool: StrategyPool,
    strategy_file: Path,
    desk_is_at_work: Callable[[], bool],
) -> FrontDoor:
    """The same on a database that is open."""
    return FrontDoor(
        settings=settings,
        database=database,
        pool=pool,
        files=build_file_store(settings),
        limits=RateLimits(),
        planning=PlanningRoom(settings, database=database, strategy_file=strategy_file),
        chat=ChatRoom(settings, database=database, strategy_file=strategy_file),
        desk_is_at_work=desk_is_at_work,
    )


def build_file_store(settings: Settings) -> FileStore:
    """The folder of files of these settings."""
    return FileStore(settings.data_directory / "files")
