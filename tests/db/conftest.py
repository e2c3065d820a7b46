"""Every database test ends with the invariants."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from db.invariants import find_violations
from db.session import session_scope


@pytest.fixture
def db_engine(db_engine: Engine) -> Iterator[Engine]:
    """The test's own database, in which no invariant may be broken when the test ends."""
    yield db_engine
    with session_scope(db_engine) as session:
        assert find_violations(session) == []
