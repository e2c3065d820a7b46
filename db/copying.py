"""COPY into a table within a session's transaction, in its binary format."""

import struct
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import psycopg
from psycopg import Cursor
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

NULL = b"\xff\xff\xff\xff"  # a length of -1
JSONB_VERSION = 1
LONGEST_NUMERIC = 10  # digits to the base of 10,000: 40 to the base of 10, more than any column holds
ROWS_TOGETHER = 200  # sent at once: a row alone is not worth a call

_BEGIN = b"PGCOPY\n\xff\r\n\x00" + bytes(8)  # no flags, nothing more in the header
_END = b"\xff\xff"  # a row of -1 values

_pack_count = struct.Struct(">h").pack
_pack_length = struct.Struct(">i").pack
_pack_int = struct.Struct(">ii").pack
_pack_bigint = struct.Struct(">iq").pack
_pack_double = struct.Struct(">id").pack
_pack_jsonb_head = struct.Struct(">iB").pack
_pack_numeric_4 = struct.Struct(">i4h4h").pack  # length, number of digits, place of the first, sign, scale; digits
_pack_numeric = struct.Struct(f">i4h{LONGEST_NUMERIC}h").pack


def copy_rows(session: Session, *, table: str, columns: Sequence[str], rows: Iterable[bytes]) -> int:
    """How many rows were added; what Postgres says against them is raised as for any other statement.

    A row is its values one after another, each as the `pack_` function of its column's type writes it. Postgres looks
    at every character of the text format twice, and both sides look for what has to be escaped in it.
    """
    statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN (FORMAT binary)"
    connection = session.connection().connection.driver_connection
    assert connection is not None
    try:
        with connection.cursor() as cursor:
            _expect_utf8(cursor)
            with cursor.copy(statement) as copy:
                for part in _join(rows, values=len(columns)):
                    copy.write(part)
            return int(cursor.rowcount)
    except psycopg.Error as error:  # SQLAlchemy does not see this statement, so it wraps nothing
        raise DBAPIError.instance(statement, None, error, psycopg.Error) from error


def pack_text(text: str | None) -> bytes:
    """A TEXT or VARCHAR."""
    if text is None:
        return NULL
    encoded = text.encode()
    return _pack_length(len(encoded)) + encoded


def pack_jsonb(document: bytes) -> bytes:
    """A JSONB, from its text in UTF-8."""
    return _pack_jsonb_head(len(document) + 1, JSONB_VERSION) + document


def pack_int(number: int) -> bytes:
    """An INTEGER."""
    return _pack_int(4, number)


def pack_bigint(number: int | None) -> bytes:
    """A BIGINT."""
    return NULL if number is None else _pack_bigint(8, number)


def pack_double(number: float | None) -> bytes:
    """A DOUBLE PRECISION."""
    return NULL if number is None else _pack_double(8, number)


def pack_numeric(number: int) -> bytes:
    """A NUMERIC that holds a whole number which is not negative: its digits to the base of 10,000, some of them 0."""
    if number < 10**16:  # as nearly all are
        digits = (number // 10**12, number // 10**8 % 10**4, number // 10**4 % 10**4, number % 10**4)
        return _pack_numeric_4(16, 4, 3, 0, 0, *digits)
    first, *others = (number // 10 ** (4 * place) for place in reversed(range(LONGEST_NUMERIC)))
    most = (first, *(digit % 10**4 for digit in others))
    return _pack_numeric(8 + 2 * LONGEST_NUMERIC, LONGEST_NUMERIC, LONGEST_NUMERIC - 1, 0, 0, *most)


def _expect_utf8(cursor: Cursor[Any]) -> None:
    """The rows are in UTF-8, whatever the environment has made of the connection."""
    if cursor.connection.info.encoding != "utf-8":
        cursor.execute("SET LOCAL client_encoding TO 'UTF8'")


def _join(rows: Iterable[bytes], *, values: int) -> Iterator[bytes]:
    """Before each row stands how many values it has."""
    count, waiting = _pack_count(values), iter(rows)
    yield _BEGIN
    while part := list(islice(waiting, ROWS_TOGETHER)):
        yield count + count.join(part)
    yield _END
