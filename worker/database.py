"""The database of this command: the one that was named, or a private server of our own, migrated."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from sqlalchemy import Engine, create_engine

from worker.migration import migrate
from worker.postgres.server import EmbeddedPostgres
from worker.settings import Settings


@contextmanager
def open_database(settings: Settings) -> Iterator[Engine]:
    """An engine on the migrated database, for as long as the block lasts."""
    with ExitStack() as opened:
        url = settings.database_url or opened.enter_context(EmbeddedPostgres(settings.data_directory))
        migrate(url)
        database = create_engine(url, pool_pre_ping=True)
        opened.callback(database.dispose)
        yield database
