"""Triggers that refuse to change rows which are written once."""

from sqlalchemy import DDL, MetaData, Table, event

_REFUSE_CHANGE = DDL(  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped
    """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of %% are written once: %% is refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation';
END
$$
"""
)


def declare_refusal(metadata: MetaData) -> None:
    """Make `metadata.create_all` also create the function that the triggers call."""
    event.listen(metadata, "before_create", _REFUSE_CHANGE)


def declare_insert_only(table: Table) -> None:
    """Make `create_all` also create the trigger; for each statement, so inserts pay nothing."""
    trigger = DDL(  # type: ignore[no-untyped-call]  # as above
        f"CREATE TRIGGER {table.name}_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table.name} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    event.listen(table, "after_create", trigger)
