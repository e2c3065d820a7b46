"""The reconciler role: takes back what lost workers held, ends what is done, and rings where work waits."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial

from sqlalchemy import Engine as Database
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError

from db.cancelling import cancel_rest
from db.expiry import expire_leases
from db.jobs import complete_job
from db.open_work import list_cancelling_jobs, list_ended_jobs, list_routable_jobs, list_waiting_engines
from db.session import run_in_transaction, session_scope
from db.training_requests import has_open_request
from db.workers import forget_workers
from worker.database import first_line
from worker.drift_sweep import DriftSweep
from worker.period_roll import roll_periods
from worker.queues import RECONCILER, ROUTER, TRAINER, engine_queue
from worker.settings import Settings
from worker.strategy_health import recall_all

logger = logging.getLogger(__name__)

LOCK_KEY = 0x4150504F  # one reconciler sweeps at a time
LONGEST_SILENCE_SECONDS = 2.0  # between rings of a queue whose workers do not come


class ReconcilerRole:
    """Sweeps under an advisory lock: several may run, one works."""

    queue = RECONCILER
    pause_seconds = 0.5

    def __init__(
        self,
        *,
        database: Database,
        is_draining: Callable[[], bool],
        ring: Callable[[str], None],
        lease_seconds: float = Settings.lease_seconds,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._is_draining = is_draining
        self._rings = PatientRings(ring)
        self._drift = DriftSweep(database)
        self._now = now
        # Holders extend their leases three times in their length, and need a moment to connect again.
        self._grace_seconds = lease_seconds / 3 + 1.0
        self._grace_until = now()

    async def open(self) -> None:
        """Nothing has to be made ready."""

    async def step(self) -> bool:
        """One sweep, if no other reconciler works."""
        if self._is_draining():
            return False
        try:
            await asyncio.to_thread(self._sweep)
        except OperationalError:
            # Leases end while the database is away. Their holders are no more lost than we are: they go first.
            self._grace_until = self._now() + self._grace_seconds
            raise
        return False

    def has_finished(self) -> bool:
        """A sweep is one transaction after the other: nothing is ever under way."""
        return True

    async def close(self) -> None:
        """Nothing is held."""

    def _sweep(self) -> None:
        # The lock ends with this transaction. A frozen process does not keep the others from sweeping: the server
        # breaks its transaction off.
        with self._database.begin() as connection:
            if not connection.execute(_LOCK, {"key": LOCK_KEY}).scalar_one():
                return
            if self._now() >= self._grace_until and self._expire():
                self._rings.lose_patience()
            recall_all(self._database)
            self._cancel()
            self._complete()
            self._begin_periods()
            self._drift.look()
            run_in_transaction(self._database, forget_workers)
            self._rings.ring(self._list_queues())

    def _expire(self) -> bool:
        """Whether something was taken back, which has waited for long enough."""
        expired = run_in_transaction(self._database, expire_leases)
        if expired.groups or expired.windows:
            logger.warning(
                "took back %d groups and %d windows of lost workers, %d started tasks were burned",
                expired.groups,
                expired.windows,
                expired.burned_tasks,
            )
        return bool(expired.groups or expired.windows)

    def _cancel(self) -> None:
        """What came back from engines since a job was cancelled is given up as well."""
        with session_scope(self._database) as session:
            cancelling = list_cancelling_jobs(session)
        for job_id in cancelling:
            with _apart(job_id):
                run_in_transaction(self._database, partial(cancel_rest, job_id=job_id))

    def _begin_periods(self) -> None:
        """Jobs whose budget's night or month is over draw on the next."""
        for job_id in roll_periods(self._database):
            logger.info("job %d: goes on in the present period of its budget", job_id)

    def _complete(self) -> None:
        with session_scope(self._database) as session:
            ended = list_ended_jobs(session)
        for job_id in ended:
            with _apart(job_id):
                if run_in_transaction(self._database, partial(complete_job, job_id=job_id)):
                    logger.info("job %d: complete", job_id)

    def _list_queues(self) -> list[str]:
        """Where work waits."""
        with session_scope(self._database) as session:
            queues = [engine_queue(engine) for engine in list_waiting_engines(session)]
            if list_routable_jobs(session):
                queues.append(ROUTER)
            if has_open_request(session):
                queues.append(TRAINER)
        return queues


@contextmanager
def _apart(job_id: int) -> Iterator[None]:
    """What the database refuses for one job's sake keeps no other job waiting; it is tried again with each sweep."""
    try:
        yield
    except IntegrityError as error:
        logger.error("job %d can not be ended, `apportion doctor` may say why: %s", job_id, first_line(error))


_LOCK = text("SELECT pg_try_advisory_xact_lock(:key)")


class PatientRings:
    """Rings queues again and again, ever more seldom while nobody comes: rings pile up in a broker."""

    def __init__(self, ring: Callable[[str], None]) -> None:
        self._ring = ring
        self._silences: dict[str, tuple[float, float]] = {}  # when to ring next, how long to wait after that

    def lose_patience(self) -> None:
        """There is new work: every queue is due."""
        self._silences.clear()

    def ring(self, queues: Iterable[str]) -> None:
        """Ring those that are due; a queue that is not named has been served."""
        now, waiting = time.monotonic(), set(queues)
        self._silences = {queue: silence for queue, silence in self._silences.items() if queue in waiting}
        for queue in waiting:
            due, silence = self._silences.get(queue, (now, 0.5))
            if due <= now:
                self._ring(queue)
                self._silences[queue] = (now + silence, min(2 * silence, LONGEST_SILENCE_SECONDS))
