"""Bringing a database's schema to this release's."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Engine, create_engine

import migrations
from worker.errors import DatabaseTooNew


def migrate(url: str) -> None:
    """Upgrade the schema to the newest migration; safe for two commands at once, migrations/env.py makes one wait.

    DatabaseTooNew, with nothing changed, where a newer release has been at it.
    """
    try:
        command.upgrade(alembic_config(url), "head")
    except CommandError:
        database = create_engine(url)
        try:
            list_missing_migrations(database)
        finally:
            database.dispose()
        raise


def list_missing_migrations(database: Engine) -> list[str]:
    """The revisions that the schema lacks, oldest first, without changing it; DatabaseTooNew for a newer release's."""
    script = ScriptDirectory.from_config(_config())
    with database.connect() as connection:
        present = MigrationContext.configure(connection).get_current_revision()
    known = [revision.revision for revision in script.walk_revisions()]  # newest first
    if present is None:
        return known[::-1]
    if present not in known:
        raise DatabaseTooNew(
            f"the database's schema is at revision {present}, and this release knows those up to {known[0]}: a newer "
            "release has migrated it. Update this installation, or name another database in APPORTION_DATABASE_URL; "
            "nothing was changed"
        )
    return known[: known.index(present)][::-1]


def alembic_config(url: str) -> Config:
    """Alembic's configuration for this database, with the migrations that were installed beside this package."""
    config = _config()
    config.attributes["url"] = url
    return config


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__path__[0])).replace("%", "%%"))
    return config


def main() -> None:
    """`make migrate`: the database that a command would use, brought up to date."""
    from worker.database import open_database  # which migrates, and so imports this module
    from worker.settings import read_settings

    with open_database(read_settings()):
        pass


if __name__ == "__main__":
    main()
