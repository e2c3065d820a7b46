"""What a worker held at the moment it was lost, and how long that took to run again."""

from dataclasses import dataclass
from datetime import datetime

import psycopg

_HELD = b"""
    SELECT id, fence, pg_catalog.clock_timestamp() FROM grp WHERE state = 'claimed' AND owner LIKE '%%:' || %s
"""

_ENDS = b"""
    SELECT min(at) FILTER (WHERE kind = 'burn' AND fence = %(fence)s),
           min(at) FILTER (WHERE kind = 'reserve' AND fence > %(fence)s)
    FROM ledger_entry JOIN true_time ON entry_id = id WHERE grp_id = %(group_id)s
"""


@dataclass(frozen=True, kw_only=True)
class Loss:
    """The groups that a worker held, by id with their fences, and when."""

    groups: dict[int, int]
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Return:
    """How long the tasks that a lost worker had started took, the slowest of its groups."""

    taken_back_seconds: float  # until they were burned, and ready for others
    restarted_seconds: float  # until a worker had started some of their group again


def read_loss(url: str, *, pid: int) -> Loss | None:
    """What the worker of this process holds now; None when that is nothing."""
    with psycopg.connect(url, autocommit=True) as connection:
        rows = connection.execute(_HELD, (str(pid),)).fetchall()
    return Loss(groups={row[0]: row[1] for row in rows}, at=rows[0][2]) if rows else None


def read_true_time(url: str) -> datetime:
    """By the server's own clock, whatever it shows to others."""
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute("SELECT pg_catalog.clock_timestamp()").fetchone()
    assert row is not None
    moment: datetime = row[0]
    return moment


def measure_return(url: str, loss: Loss) -> Return | None:
    """Once the job is over; None where nothing had been started of what was lost."""
    burned, restarted = [], []
    with psycopg.connect(url, autocommit=True) as connection:
        for group_id, fence in loss.groups.items():
            row = connection.execute(_ENDS, {"group_id": group_id, "fence": fence}).fetchone()
            assert row is not None
            if None not in row:  # else nothing of the group was started, or its tasks went to other groups
                burned.append((row[0] - loss.at).total_seconds())
                restarted.append((row[1] - loss.at).total_seconds())
    if not burned:
        return None
    return Return(taken_back_seconds=max(burned), restarted_seconds=max(restarted))
