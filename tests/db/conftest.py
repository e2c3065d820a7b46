"""A database for tests that damage it or take its tables away."""

import itertools
from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import Engine, create_engine, make_url

_numbers = itertools.count()


@pytest.fixture
def unchecked_url(server_url: str, migrated_template: str) -> Iterator[str]:
    """A fresh database with the newest schema; unlike `database_url`, it may end broken."""
    name = f"unchecked_{next(_numbers)}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {migrated_template}".encode())
        yield make_url(server_url).set(database=name).render_as_string(hide_password=False)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture
def unchecked_engine(unchecked_url: str) -> Iterator[Engine]:
    """A SQLAlchemy engine on it."""
    engine = create_engine(unchecked_url)
    yield engine
    engine.dispose()
