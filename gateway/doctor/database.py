"""The database: it answers, its schema is this release's, its clock is right and its books are in order."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Engine as Database
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from db.clock import read_clock
from db.invariants import find_violations
from db.session import session_scope
from gateway.doctor.drift import look_at_drift
from gateway.doctor.finding import Finding
from gateway.doctor.fleet import look_at_breakers, look_at_requests, look_at_workers
from gateway.doctor.money import look_at_overruns, look_at_periods
from gateway.doctor.predictors import look_at_predictors
from worker.database import open_database
from worker.migration import list_missing_migrations
from worker.settings import Settings

CONNECT_SECONDS = 5
LARGEST_DIFFERENCE_SECONDS = 2.0


def look_at_database(settings: Settings) -> Iterator[Finding]:
    """The schema first: without it there is nothing else to look at."""
    with _open_as_it_is(settings) as database:
        missing = list_missing_migrations(database)
        if missing:
            yield Finding(
                False,
                f"database: its schema lacks {len(missing)} migrations ({', '.join(missing)}): run `make migrate`, or "
                "any command that works on it; workers of an older release should be replaced first",
            )
            return
        yield Finding(True, "database: answers, migrated")
        for look in LOOKS:
            with session_scope(database) as session:
                yield from look(session)
        with session_scope(database) as session:
            yield from look_at_workers(session, has_workers=settings.has_workers)
            yield from look_at_requests(session, has_workers=settings.has_workers)


@contextmanager
def _open_as_it_is(settings: Settings) -> Iterator[Database]:
    """A named server is left as it is; the embedded one is ours."""
    if settings.database_url is None:
        with open_database(settings) as database:
            yield database
        return
    database = create_engine(settings.database_url, connect_args={"connect_timeout": CONNECT_SECONDS})
    try:
        yield database
    finally:
        database.dispose()


def look_at_clock(session: Session, *, now: Callable[[], float] = time.time) -> Iterator[Finding]:
    """Leases are measured by the database's clock alone; what people read of deadlines and periods is not."""
    before = now()
    there = read_clock(session).timestamp()
    after = now()
    ahead = there - (before + after) / 2
    if abs(ahead) <= LARGEST_DIFFERENCE_SECONDS + (after - before) / 2:
        yield Finding(True, "clock: the database's and this machine's agree")
        return
    way = "ahead of" if ahead > 0 else "behind"
    yield Finding(
        False,
        f"clock: the database's is {abs(ahead):.0f} s {way} this machine's: set both by a time server (NTP); leases "
        "hold all the same, deadlines and times in reports are off",
    )


def look_at_books(session: Session) -> Iterator[Finding]:
    """Whether the ledger adds up and no task is lost."""
    violations = find_violations(session)
    if not violations:
        yield Finding(True, "books: every invariant holds")
        return
    broken = "; ".join(f"{violation.invariant}: {violation.row}" for violation in violations)
    yield Finding(
        False,
        f"books: {len(violations)} rows break invariants, which no command of ours should do. Keep a copy of the "
        f"database and report it with these: {broken}",
    )


LOOKS: tuple[Callable[[Session], Iterator[Finding]], ...] = (
    look_at_clock,
    look_at_books,
    look_at_overruns,
    look_at_periods,
    look_at_breakers,
    look_at_predictors,
    look_at_drift,
)
