"""Open jobs follow their budgets into the next period."""

from datetime import datetime
from functools import partial

from sqlalchemy import Engine as Database

from db.periods import list_outdated_jobs, move_to_present_period
from db.session import run_in_transaction, session_scope
from worker.least_worst import read_least


def roll_periods(database: Database, *, now: datetime | None = None) -> list[int]:
    """The jobs that were moved; a sweep that mostly finds nothing. By the database's clock if not told the time."""
    with session_scope(database) as session:
        outdated = list_outdated_jobs(session, now=now)
    moved = []
    for job_id in outdated:
        with session_scope(database) as session:
            least = read_least(session, job_id=job_id)
        if run_in_transaction(database, partial(move_to_present_period, job_id=job_id, least=least, now=now)):
            moved.append(job_id)
    return moved
