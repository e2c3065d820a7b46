"""The database of this command: the one that was named, or a private server of our own, migrated."""

import select
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import psycopg
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, InvalidatePoolError

from worker.migration import migrate
from worker.postgres.server import EmbeddedPostgres
from worker.settings import Settings

MOST_CONNECTIONS = 15  # of one process; who finds all of them in use waits for one
KEPT_CONNECTIONS = 5  # when they are not used


@contextmanager
def open_database(settings: Settings, *, kept_connections: int = KEPT_CONNECTIONS) -> Iterator[Engine]:
    """An engine on the migrated database, for as long as the block lasts; it keeps so many idle connections."""
    with ExitStack() as opened:
        url = settings.database_url or opened.enter_context(EmbeddedPostgres(settings.data_directory))
        migrate(url)
        database = create_engine(
            url,
            pool_size=kept_connections,
            max_overflow=MOST_CONNECTIONS - kept_connections,
            pool_use_lifo=True,  # the one used last knows its statements best
        )
        opened.callback(database.dispose)
        event.listen(database, "checkout", _refuse_ended)
        yield database


def _refuse_ended(connection: psycopg.Connection, *_: object) -> None:
    """Let the pool open another in place of a connection that the server has ended since it was used.

    An idle connection has something to read only then. To look costs microseconds; to ask costs a round trip each time.
    """
    if connection.closed or _is_readable(connection):
        raise InvalidatePoolError


def _is_readable(connection: psycopg.Connection) -> bool:
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))


def first_line(error: DBAPIError) -> str:
    """What the database, or the library that looks for it, says about an error."""
    return next(iter(str(error.orig).strip().splitlines()), "no reason given")


def end_frozen_transactions(database: Engine, *, after_seconds: float) -> None:
    """Let the server break off a transaction of this process that does nothing for so long.

    A process that is frozen in the middle of one would keep the locks of its group and budget until it is thawed. One
    whose machine is gone is noticed as soon, by TCP's keepalives.
    """
    milliseconds, seconds = max(1, int(1000 * after_seconds)), max(1, int(after_seconds / 2))
    limits = {
        "idle_in_transaction_session_timeout": milliseconds,
        "tcp_keepalives_idle": seconds,
        "tcp_keepalives_interval": seconds,
        "tcp_keepalives_count": 1,
    }

    @event.listens_for(database, "connect")
    def limit(connection: psycopg.Connection, _: object) -> None:
        connection.execute("; ".join(f"SET {name} = {value}" for name, value in limits.items()).encode())
        connection.commit()
