"""Migrations applied by commands."""

import multiprocessing

import psycopg
import pytest
from sqlalchemy import Engine, create_engine, inspect, make_url, text

from worker.errors import DatabaseTooNew
from worker.migration import list_missing_migrations, migrate


def test_a_migrated_database_is_left_as_it_is(database_url: str, db_engine: Engine) -> None:
    before = inspect(db_engine).get_table_names()
    migrate(database_url)
    assert inspect(db_engine).get_table_names() == before
    assert "ledger_entry" in before


def test_commands_that_migrate_together_wait_for_each_other(server_url: str) -> None:
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE migrated_by_many")
    url = make_url(server_url).set(database="migrated_by_many").render_as_string(hide_password=False)
    spawn = multiprocessing.get_context("spawn")
    commands = [spawn.Process(target=migrate, args=(url,)) for _ in range(3)]
    for command in commands:
        command.start()
    for command in commands:
        command.join(timeout=120)
    assert [command.exitcode for command in commands] == [0, 0, 0]


def test_a_database_of_a_newer_release_is_refused_and_left_as_it_is(database_url: str, db_engine: Engine) -> None:
    with db_engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DatabaseTooNew, match="is at revision 9999, and this release knows those up to 0"):
        migrate(database_url)
    with db_engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == "9999"


def test_what_a_schema_lacks_is_told_without_changing_it(server_url: str) -> None:
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE never_migrated")
    url = make_url(server_url).set(database="never_migrated")
    database = create_engine(url)
    missing = list_missing_migrations(database)
    assert missing[0] == "0001"
    assert inspect(database).get_table_names() == []
    migrate(url.render_as_string(hide_password=False))
    assert list_missing_migrations(database) == []
    database.dispose()
