"""Bringing a database's schema to this release's."""

from pathlib import Path

from alembic import command
from alembic.config import Config

import migrations


def migrate(url: str) -> None:
    """Upgrade the schema to the newest migration; safe for two commands at once, migrations/env.py makes one wait."""
    command.upgrade(alembic_config(url), "head")


def alembic_config(url: str) -> Config:
    """Alembic's configuration for this database, with the migrations that were installed beside this package."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__path__[0])).replace("%", "%%"))
    config.attributes["url"] = url
    return config


def main() -> None:
    """`make migrate`: the database that a command would use, brought up to date."""
    from worker.database import open_database  # which migrates, and so imports this module
    from worker.settings import read_settings

    with open_database(read_settings()):
        pass


if __name__ == "__main__":
    main()
