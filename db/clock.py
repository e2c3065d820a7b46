"""The database's clock, by which leases and periods are measured."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session


def read_clock(session: Session) -> datetime:
    """The time now, not that at which the transaction began."""
    now: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
    return now
