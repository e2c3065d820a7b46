"""Connections of a process: as many as it keeps, and none that the server has ended."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine as Database
from sqlalchemy import text

from tests.waiting import wait_until
from worker.database import MOST_CONNECTIONS, open_database
from worker.settings import Settings

_OWN = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


@pytest.fixture
def database(database_url: str, tmp_path: Path) -> Iterator[Database]:
    """As a server opens it."""
    settings = Settings(database_url=database_url, data_directory=tmp_path, cache_directory=tmp_path)
    with open_database(settings, kept_connections=MOST_CONNECTIONS) as opened:
        yield opened


def read_pid(database: Database) -> int:
    with database.connect() as connection:
        return int(connection.execute(text("SELECT pg_backend_pid()")).scalar_one())


def open_several(database: Database, count: int) -> None:
    with ExitStack() as opened:
        for _ in range(count):
            opened.enter_context(database.connect())


def test_a_connection_that_the_server_ended_is_replaced(database: Database, database_url: str) -> None:
    open_several(database, 3)
    before = read_pid(database)
    with psycopg.connect(database_url.replace("+psycopg", ""), autocommit=True) as other:
        other.execute(f"SELECT pg_terminate_backend(pid) FROM ({_OWN}) AS own".encode())
        wait_until(lambda: not other.execute(_OWN.encode()).fetchall())
    assert read_pid(database) != before


def test_connections_are_kept_and_the_latest_is_used_first(database: Database) -> None:
    open_several(database, MOST_CONNECTIONS)
    assert database.pool.checkedin() == MOST_CONNECTIONS  # type: ignore[attr-defined]  # of every pool that has a size
    assert read_pid(database) == read_pid(database)
