"""What a job waits for that gets no answers: told once that has lasted, and again as it goes on."""

import logging
import time
from collections.abc import Callable, Iterator

from sqlalchemy import Engine as Database
from sqlalchemy.orm import Session

from db.breakers import list_failing
from db.jobs import Job, read_job
from db.session import session_scope
from db.states import JobKind, StrategyMode
from db.strategies import read_strategies
from db.strategy_modes import read_out_of_service
from worker.absent_workers import describe_absent

logger = logging.getLogger(__name__)

QUIET_SECONDS = 10.0  # without an answer, until it is told why; then after twice as long, and so on

_WAYS_OUT = {
    StrategyMode.SHADOW: "`apportion strategies enable {name}` lets tasks go to it",
    StrategyMode.DISABLED: "`apportion strategies enable {name}` takes it back",
    StrategyMode.RETIRED: "that is for good",
}


class QuietJob:
    """Told of a job's answers as they come; warns when none comes and it is known why."""

    def __init__(
        self, database: Database, *, job_id: int, has_workers: bool, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._database, self._job_id, self._has_workers = database, job_id, has_workers
        self._now = now
        self._done, self._since, self._patience = -1, now(), QUIET_SECONDS

    def note(self, done: int) -> None:
        """So many answers are there now."""
        if done != self._done:
            self._done, self._since, self._patience = done, self._now(), QUIET_SECONDS
            return
        quiet = self._now() - self._since
        if quiet < self._patience:
            return
        with session_scope(self._database) as session:
            job = read_job(session, job_id=self._job_id)
            reasons = list(_find_reasons(session, job, has_workers=self._has_workers))
        if reasons:  # else an answer may just take long
            self._patience = 2 * quiet
            logger.warning("job %d: no answer for %.0f s; %s", self._job_id, quiet, "; ".join(reasons))


def _find_reasons(session: Session, job: Job, *, has_workers: bool) -> Iterator[str]:
    if job.paused:
        yield f"it is paused: `apportion unpause {job.id}` lets it go on"
    if has_workers:
        yield from describe_absent(session, strategy_ids=job.strategy_ids)
    names = {row.id: row.name for row in read_strategies(session, strategy_ids=job.strategy_ids)}
    for own in list_failing(session, strategy_ids=job.strategy_ids):
        again = f" (asked again in {own.seconds_left:.0f} s)" if own.seconds_left > 0 else ""
        yield f"strategy {names[own.strategy_id]} fails{again}: {own.reason}"
    if job.kind is not JobKind.RUN:  # others ask a strategy whatever it is used for
        return
    for key, mode in read_out_of_service(session, strategy_ids=job.strategy_ids).items():
        yield f"strategy {names[key]} is {mode}: {_WAYS_OUT[mode].format(name=names[key])}"
