"""Migrations applied by commands."""

import multiprocessing

import psycopg
from sqlalchemy import Engine, inspect, make_url

from worker.migration import migrate


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
