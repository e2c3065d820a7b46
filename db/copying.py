"""COPY into a table within a session's transaction, in its text format."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

NULL = "\\N"
LINES_TOGETHER = 200  # sent at once: a line alone is not worth a call


def copy_lines(session: Session, *, table: str, columns: Sequence[str], lines: Iterable[str]) -> int:
    """How many rows were added; what Postgres says against them is raised as for any other statement.

    A line is the row's values as `write_text` and `write_number` write them, with tabs between. psycopg would look at
    each value alone, which takes three times as long.
    """
    statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
    connection = session.connection().connection.driver_connection
    assert connection is not None
    try:
        with connection.cursor() as cursor:
            with cursor.copy(statement) as copy:
                for part in _join(lines):
                    copy.write(part)
            return int(cursor.rowcount)
    except psycopg.Error as error:  # SQLAlchemy does not see this statement, so it wraps nothing
        raise DBAPIError.instance(statement, None, error, psycopg.Error) from error


def write_text(text: str | None) -> str:
    """A text as a line of COPY holds it."""
    if text is None:
        return NULL
    if text.isprintable() and "\\" not in text:  # as most texts are: nothing in it has to be written otherwise
        return text
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def write_number(number: float | None) -> str:
    """A number as a line of COPY holds it."""
    return NULL if number is None else str(number)


def _join(lines: Iterable[str]) -> Iterator[str]:
    waiting = iter(lines)
    while part := list(islice(waiting, LINES_TOGETHER)):
        part.append("")  # each line ends in a line break
        yield "\n".join(part)
