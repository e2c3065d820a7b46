"""One server at a time works on a batch: a lock that ends with the connection of whoever holds it."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, func, select


@contextmanager
def hold_batch(database: Engine, *, batch_id: str) -> Iterator[bool]:
    """Whether nobody else works on the batch; nobody else will for as long as the block lasts."""
    key = func.hashtextextended(f"batch {batch_id}", 0)
    with database.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        held = connection.execute(select(func.pg_try_advisory_lock(key))).scalar_one()
        try:
            yield held
        finally:
            if held:
                connection.execute(select(func.pg_advisory_unlock(key)))
