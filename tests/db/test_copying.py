import struct
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from db.copying import (
    ROWS_TOGETHER,
    copy_rows,
    pack_bigint,
    pack_double,
    pack_int,
    pack_jsonb,
    pack_numeric,
    pack_text,
)
from db.session import session_scope

COLUMNS = ("i", "b", "n", "d", "t", "j")
TABLE = text(
    "CREATE TEMPORARY TABLE given (i int, b bigint, n numeric(38, 0), d float8, t text, j jsonb) ON COMMIT DROP"
)

STORABLE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
ROWS = st.tuples(
    st.integers(-(2**31), 2**31 - 1),
    st.none() | st.integers(-(2**63), 2**63 - 1),
    st.integers(0, 10**38 - 1) | st.integers(0, 10**17),
    st.none() | st.floats(allow_nan=False),
    st.none() | STORABLE,
    st.lists(STORABLE, max_size=3),
)


def pack(row: tuple[Any, ...]) -> bytes:
    i, b, n, d, t, j = row
    document = msgspec.json.encode(j)
    return pack_int(i) + pack_bigint(b) + pack_numeric(n) + pack_double(d) + pack_text(t) + pack_jsonb(document)


def copy_and_read(session: Session, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    session.execute(TABLE)
    assert copy_rows(session, table="given", columns=COLUMNS, rows=map(pack, rows)) == len(rows)
    return [tuple(row) for row in session.execute(text("SELECT i, b, n, d, t, j FROM given"))]


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(ROWS, max_size=4))
def test_whatever_the_columns_hold_comes_back(db_engine: Engine, rows: list[tuple[Any, ...]]) -> None:
    with session_scope(db_engine) as session:
        assert copy_and_read(session, rows) == rows


@pytest.mark.parametrize("count", [0, 1, ROWS_TOGETHER, ROWS_TOGETHER + 1])
def test_every_row_is_sent_however_many_there_are(db_engine: Engine, count: int) -> None:
    rows: list[tuple[Any, ...]] = [(number, None, number * 10**20, 0.5, "text", []) for number in range(count)]
    with session_scope(db_engine) as session:
        assert copy_and_read(session, rows) == rows


def test_a_connection_of_another_encoding_gets_the_same_text(database_url: str) -> None:
    engine = create_engine(database_url, connect_args={"client_encoding": "LATIN1"})
    rows = [(1, 2, 3, 4.0, "Grüße, 世界", ["Grüße"])]
    with session_scope(engine) as session:
        assert copy_and_read(session, rows) == rows
    engine.dispose()


def test_an_integer_that_the_column_does_not_hold_is_refused_here(db_engine: Engine) -> None:
    with pytest.raises(struct.error), session_scope(db_engine) as session:
        copy_and_read(session, [(2**31, None, 0, None, None, [])])


@pytest.mark.parametrize("amount", [10**38, 10**40, -1])
def test_an_amount_that_the_column_does_not_hold_is_refused_by_postgres(db_engine: Engine, amount: int) -> None:
    with pytest.raises(DBAPIError, match="numeric"), session_scope(db_engine) as session:
        copy_and_read(session, [(1, None, amount, None, None, [])])


def test_an_amount_past_any_column_is_refused_here(db_engine: Engine) -> None:
    with pytest.raises(struct.error), session_scope(db_engine) as session:
        copy_and_read(session, [(1, None, 10**41, None, None, [])])
