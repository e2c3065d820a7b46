"""Columns that Postgres keeps as they are: of floats its compression takes longer than it saves."""

from sqlalchemy import DDL, Table, event


def declare_uncompressed(table: Table, *columns: str) -> None:
    """Make `create_all` also say so of these columns."""
    changes = ", ".join(f"ALTER COLUMN {column} SET STORAGE EXTERNAL" for column in columns)
    storage = DDL(f"ALTER TABLE {table.name} {changes}")  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped
    event.listen(table, "after_create", storage)
