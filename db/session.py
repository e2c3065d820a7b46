"""The edge where transactions begin and commit. Only worker and gateway call this; nothing else in db commits."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

Result = TypeVar("Result")

SERIALIZATION_FAILURE = "40001"
DEADLOCK_DETECTED = "40P01"
RETRIED_SQLSTATES = frozenset({SERIALIZATION_FAILURE, DEADLOCK_DETECTED})


@contextmanager
def session_scope(engine: Engine) -> Iterator[Session]:
    """A session whose work commits when the block ends, and rolls back when it raises."""
    with Session(engine, expire_on_commit=False) as session, session.begin():
        yield session


@contextmanager
def reading_session(engine: Engine) -> Iterator[Session]:
    """A session to read with: each statement sees what is committed then, and none waits for a BEGIN or a COMMIT."""
    with Session(engine.execution_options(isolation_level="AUTOCOMMIT"), expire_on_commit=False) as session:
        yield session


def run_in_transaction(engine: Engine, work: Callable[[Session], Result], *, attempts: int = 5) -> Result:
    """Run `work` in a transaction of its own; again, whole, when Postgres broke it off for the sake of another."""
    for attempt in range(1, attempts):
        try:
            with session_scope(engine) as session:
                return work(session)
        except OperationalError as error:
            if _sqlstate(error) not in RETRIED_SQLSTATES:
                raise
            time.sleep(random.uniform(0, 0.01 * 2**attempt))  # noqa: S311 - jitter, so that the two do not meet again
    with session_scope(engine) as session:
        return work(session)


def is_outage(error: DBAPIError) -> bool:
    """Whether the database was away, full, or broke the connection off: the same may well succeed later."""
    return isinstance(error, OperationalError) or error.connection_invalidated


def _sqlstate(error: OperationalError) -> str | None:
    return getattr(error.orig, "sqlstate", None)
