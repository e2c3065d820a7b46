"""Bringing a database's schema to this release's."""

from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from sqlalchemy import make_url

import migrations

# Any number, the same in every release: it keeps two commands from migrating one database at once.
MIGRATION_LOCK = 7_305_811


def alembic_config(url: str) -> Config:
    """Alembic's configuration for this database, with the migrations that were installed beside this package."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__path__[0])))
    config.attributes["url"] = url
    return config


def migrate(url: str) -> None:
    """Upgrade the schema to the newest migration; a second command waits meanwhile, then finds nothing to do."""
    with psycopg.connect(_psycopg_url(url), autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (MIGRATION_LOCK,))
        command.upgrade(alembic_config(url), "head")


def _psycopg_url(url: str) -> str:
    """The same database for psycopg itself, which knows no +driver in a scheme."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
