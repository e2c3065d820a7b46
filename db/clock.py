"""The database's clock, by which leases and periods are measured."""

from datetime import datetime

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session


def read_clock(session: Session) -> datetime:
    """The time now, not that at which the transaction began."""
    now: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
    return now


# A transaction that stores rows has a number from its first row on, and began before it. The statement's own time
# comes first: who gets a number after that stores rows with a later time.
_SETTLED = text("""
    SELECT least(statement_timestamp(), min(xact_start)) FROM pg_stat_activity
    WHERE backend_xid IS NOT NULL AND datname = current_database()
""")


def read_settled_moment(session: Session) -> datetime:
    """The latest moment up to which every row is committed, so that no later look finds another one before it."""
    moment: datetime = session.execute(_SETTLED).scalar_one()
    return moment
