"""Runs migrations: `alembic -x url=postgresql://... upgrade head`, or worker.migration with a url or a connection."""

from alembic import context
from sqlalchemy import Connection, create_engine, text

from db.tables import METADATA

# Held until the migration commits, so that two upgrades of one database follow each other. Any number, never changed.
SCHEMA_LOCK = 7_305_812


def migrate(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=METADATA, compare_server_default=True)
    with context.begin_transaction():
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": SCHEMA_LOCK})
        context.run_migrations()


def read_url() -> str:
    url = context.config.attributes.get("url") or context.get_x_argument(as_dictionary=True).get("url")
    if not url:
        raise SystemExit("alembic needs a database: alembic -x url=postgresql://user@host/name ...")
    return str(url)


def run() -> None:
    given: Connection | None = context.config.attributes.get("connection")
    if given is not None:
        migrate(given)
        return
    engine = create_engine(read_url())
    try:
        with engine.connect() as connection:
            migrate(connection)
    finally:
        engine.dispose()


run()
