"""COPY into a table within a session's transaction."""

from collections.abc import Iterable, Sequence

import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session


def copy_rows(session: Session, *, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
    """How many rows were added; what Postgres says against them is raised as for any other statement."""
    statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
    connection = session.connection().connection.driver_connection
    assert connection is not None
    try:
        with connection.cursor() as cursor:
            with cursor.copy(statement) as copy:
                for row in rows:
                    copy.write_row(row)
            return int(cursor.rowcount)
    except psycopg.Error as error:  # SQLAlchemy does not see this statement, so it wraps nothing
        raise DBAPIError.instance(statement, None, error, psycopg.Error) from error
