"""The producer's side of the distributed mode: rings those who work on a job, and watches it from the database."""

import asyncio
import logging
import threading
import time

from sqlalchemy import Engine as Database
from sqlalchemy.exc import OperationalError

from db.budgets import read_budget
from db.jobs import read_job
from db.progress import read_progress
from db.session import session_scope
from db.states import FINAL_STATES
from db.strategies import read_strategies
from db.strategy_counts import count_by_strategy
from router.units import Unit
from worker.celery_app import StationOf, make_celery, ring
from worker.objective import Objective
from worker.progress import Progress, Stage, Watch
from worker.queues import ROUTER
from worker.quiet_job import QuietJob
from worker.settings import Settings

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
LONGEST_OUTAGE_SECONDS = 60.0  # of the database, until we stop to watch
COUNT_EVERY = 8  # looks between two counts of answers by strategy, which read every outcome


def ring_once(settings: Settings, queue: str) -> bool:
    """Whether the broker took the ring; if it did not, workers look for themselves, and the reconciler rings later."""
    with make_celery(settings, station_of=StationOf()) as app:
        try:
            ring(app, queue)
        except Exception as error:  # whatever the broker's library raises
            logger.warning("the broker can not be reached (%s): nothing is lost, workers look for themselves", error)
            return False
    return True


async def follow_job(
    settings: Settings, *, database: Database, job_id: int, draining: threading.Event, watch: Watch
) -> bool:
    """Whether the job came to its end before we were asked to stop watching; it goes on in any case."""
    await asyncio.to_thread(ring_once, settings, ROUTER)
    return await asyncio.to_thread(watch_job, database, job_id=job_id, draining=draining, watch=watch)


def watch_job(database: Database, *, job_id: int, draining: threading.Event, watch: Watch) -> bool:
    """Whether the job came to its end before we were asked to stop; the database may be away for a minute."""
    watched = WatchedJob(database, job_id=job_id)
    answered = time.monotonic()
    while not draining.is_set():
        try:
            if watched.look(watch):
                return True
            answered = time.monotonic()
        except OperationalError:
            if time.monotonic() - answered > LONGEST_OUTAGE_SECONDS:
                raise
        draining.wait(LOOK_SECONDS)
    return False


class WatchedJob:
    """A job as it is seen from outside."""

    def __init__(self, database: Database, *, job_id: int) -> None:
        self._database = database
        self._job_id = job_id
        self._looks = 0
        self._quiet = QuietJob(database, job_id=job_id, has_workers=True)
        with session_scope(database) as session:
            job = read_job(session, job_id=job_id)
            stored = read_strategies(session, strategy_ids=job.strategy_ids)
        self._unit: Unit = Objective.from_json(job.objective).unit
        self._names = {row.id: row.name for row in stored}
        self._mix: dict[str, int] = dict.fromkeys(self._names.values(), 0)

    def look(self, watch: Watch) -> bool:
        """Tell how far it is; whether it is at its end."""
        with session_scope(self._database) as session:
            job = read_job(session, job_id=self._job_id)
            progress = read_progress(session, job_id=self._job_id)
            budget = read_budget(session, budget_id=job.budget_id)
            if self._looks % COUNT_EVERY == 0 or job.state in FINAL_STATES:
                self._mix |= {
                    self._names[row.strategy_id]: row.outcomes for row in count_by_strategy(session, job_id=job.id)
                }
        self._looks += 1
        watch(
            Progress(
                stage=Stage.ANSWERING,
                done=progress.outcomes,
                total=progress.answers_needed,
                unit=self._unit,
                spent=budget.spent + budget.burned,
                reserved=budget.reserved,
                cap=budget.cap,
                mix=dict(self._mix),
                correct=progress.correct,
                graded=progress.graded,
            )
        )
        if job.state in FINAL_STATES:
            return True
        self._quiet.note(progress.outcomes)
        return False
