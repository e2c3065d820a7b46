"""How jobs spent their money, kept in memory: a ledger is append-only, so what is read of it need not be read again."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from db.jobs import Job
from db.spending_points import SpendMoment, find_last_entry, read_spending_points

MOST_JOBS = 500
POINTS = 120  # of what was not read before
KEPT_POINTS = 240
# Ids are given out before they are committed: only entries as old as this are known to have no earlier one to come.
# No transaction that writes one lasts as long.
SETTLED_AFTER = timedelta(seconds=60)


@dataclass(frozen=True, kw_only=True)
class _Trace:
    """What was read up to an entry; the last moment has all of it."""

    through: int
    moments: tuple[SpendMoment, ...]


class SpendingTraces:
    """Of this process; the first look at a job sums its whole ledger, later ones what came since."""

    def __init__(self, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, _Trace] = OrderedDict()

    def trace(self, session: Session, job: Job) -> Sequence[SpendMoment]:
        """The job's spending as of now, from its start on; nothing where it has no entry."""
        now = self._clock()
        began = job.started_at or job.submitted_at
        with self._lock:
            known = self._kept.get(job.id) or _Trace(through=0, moments=(SpendMoment(at=began),))
        settled = _read_settled(session, job, known, now=now)
        fresh = read_spending_points(
            session,
            job_id=job.id,
            before=settled.moments[-1],
            until=job.finished_at or now,
            points=POINTS,
            after=settled.through,
        )
        self._keep(job, settled)
        return (*settled.moments, *fresh)[1:] if settled.through or fresh else ()

    def _keep(self, job: Job, trace: _Trace) -> None:
        with self._lock:
            self._kept[job.id] = trace
            self._kept.move_to_end(job.id)
            while len(self._kept) > MOST_JOBS:
                self._kept.popitem(last=False)


def _thin(moments: tuple[SpendMoment, ...]) -> tuple[SpendMoment, ...]:
    """Every second one where they are too many; the first and the last stay."""
    while len(moments) > KEPT_POINTS:
        moments = (*moments[:-1:2], moments[-1])
    return moments


def _read_settled(session: Session, job: Job, known: _Trace, *, now: datetime) -> _Trace:
    """The trace with what came since and is old enough."""
    until = now - SETTLED_AFTER
    through = find_last_entry(session, job_id=job.id, until=until)
    if through <= known.through:
        return known
    moments = read_spending_points(
        session,
        job_id=job.id,
        before=known.moments[-1],
        until=min(until, job.finished_at or until),
        points=POINTS,
        after=known.through,
        through=through,
    )
    return _Trace(through=through, moments=_thin((*known.moments, *moments)))
