"""Builds what the server works with; nothing is built anywhere else, and nothing when a module is imported."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from sqlalchemy import Engine as Database
from sqlalchemy.exc import NoResultFound

from db.api_keys import has_keys
from db.batches import read_batch
from db.session import reading_session
from gateway.api.front_door import FrontDoor
from gateway.api.planning_room import PlanningRoom
from gateway.api.rate_limits import RateLimits
from gateway.batch_figures import read_figures
from gateway.desk.keeper import DeskKeeper
from gateway.file_store import FileStore
from router.strategy import StrategyPool
from worker.chat_room import ChatRoom
from worker.collector import spare_collector
from worker.database import MOST_CONNECTIONS, open_database
from worker.pool import read_strategy_file
from worker.settings import Settings
from worker.submission import TENANT


@contextmanager
def open_front_door(settings: Settings, *, strategy_file: Path) -> Iterator[FrontDoor]:
    """What the endpoints work with, and a desk beside them, for as long as the block lasts."""
    pool = read_strategy_file(strategy_file)
    with (
        open_database(settings, kept_connections=MOST_CONNECTIONS) as database,
        DeskKeeper(settings, strategy_file=strategy_file) as keeper,
    ):
        _open_ahead(database)
        spare_collector()
        yield build_front_door(
            settings,
            database=database,
            pool=pool,
            strategy_file=strategy_file,
            desk_is_at_work=lambda: keeper.is_at_work,
        )


def _open_ahead(database: Database) -> None:
    """Open the connections that are kept, each with what a status reads known to it.

    A burst of requests that found none open spent its first tenths of a second on opening some for each.
    """
    with ExitStack() as opened:
        for _ in range(MOST_CONNECTIONS):
            session = opened.enter_context(reading_session(database))
            has_keys(session)
            read_batch(session, tenant_id=TENANT, batch_id="")
            with suppress(NoResultFound):
                read_figures(session, job_id=0)


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
