"""Two clerks at one desk: a long plan must not keep ended jobs waiting."""

import logging
import threading
import time
from collections.abc import Callable
from functools import partial

from sqlalchemy import Engine as Database

from db.batch_locks import hold_batch
from db.batches import Batch, list_open_batches, move_batch, read_batch
from db.files import forget_expired_files, list_known_files
from db.replies import forget_old_replies
from db.session import run_in_transaction, session_scope
from db.states import BatchStatus
from gateway.desk.follower import Follower, is_late
from gateway.desk.planner import Planner
from gateway.file_store import FileStore
from worker.bootstrap import Workshop
from worker.json_log import log_attributes

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.3
PAUSE_SECONDS = 2.0  # after an error
LEAVE_SECONDS = 5.0  # of the ten that containers are given to stop
SWEEP_SECONDS = 60.0
REPLIES_SECONDS = 86_400  # how long the same request sent again gets the reply of the first
MOST_TRIES = 3  # of a plan that fails for a reason nobody foresaw


class Desk:
    """Works on every open batch that nobody else works on, until it is asked to stop."""

    def __init__(self, workshop: Workshop, files: FileStore) -> None:
        self._database: Database = workshop.database
        self._files = files
        self._planner, self._follower = Planner(workshop, files), Follower(workshop, files)
        self._failed_tries: dict[str, int] = {}
        self._rests_until: dict[str, float] = {}  # on the monotonic clock
        self._next_sweep = time.monotonic()

    def run(self, stopping: threading.Event) -> None:
        """Both clerks, until the event is set.

        A plan that is not made soon after is left, and made anew by another desk; a shorter step is waited for, so that
        nobody uses the database when it is closed.
        """
        planning = threading.Thread(target=_repeat, args=(self.plan_next, stopping), name="planner", daemon=True)
        planning.start()
        _repeat(self.follow_all, stopping)
        planning.join(LEAVE_SECONDS)

    def plan_next(self) -> bool:
        """Whether there was a batch to plan: the one that has waited longest."""
        return any(_is_to_plan(batch) and self._work_on(batch, self._planner.plan) for batch in self._list_open())

    def follow_all(self) -> bool:
        """Look at every batch that is a job, or will be none; whether one of them went on."""
        self._sweep()
        before = [batch for batch in self._list_open() if not _is_to_plan(batch)]
        for batch in before:
            self._work_on(batch, self._follower.follow)
        statuses = {batch.id: batch.status for batch in self._list_open()}
        return any(statuses.get(batch.id) is not batch.status for batch in before)

    def _list_open(self) -> list[Batch]:
        with session_scope(self._database) as session:
            return list(list_open_batches(session))

    def _work_on(self, batch: Batch, work: Callable[[Batch], None]) -> bool:
        """Whether it was ours to work on."""
        if time.monotonic() < self._rests_until.get(batch.id, 0.0):
            return False
        with (
            hold_batch(self._database, batch_id=batch.id) as is_held,
            log_attributes(batch=batch.id, tenant=batch.tenant_id, job=batch.job_id),
        ):
            if not is_held or not self._is_unchanged(batch):
                return False
            self._try(batch, work)
            return True

    def _is_unchanged(self, batch: Batch) -> bool:
        """Somebody else may have worked on it since it was listed."""
        with session_scope(self._database) as session:
            now = read_batch(session, tenant_id=batch.tenant_id, batch_id=batch.id)
        return now is not None and now.status is batch.status

    def _try(self, batch: Batch, work: Callable[[Batch], None]) -> None:
        """What nobody foresaw is told, and tried again later: no batch keeps others from theirs."""
        try:
            work(batch)
        except Exception:
            tries = self._failed_tries[batch.id] = self._failed_tries.get(batch.id, 0) + 1
            self._rests_until[batch.id] = time.monotonic() + PAUSE_SECONDS * tries
            logger.exception("%s: failed %d times", batch.status, tries)
            if batch.status is BatchStatus.VALIDATING and tries == MOST_TRIES:
                self._give_up(batch)

    def _give_up(self, batch: Batch) -> None:
        message = f"the batch could not be planned, for a reason of the server's own: its log has it under {batch.id}"
        error = {"code": "server_error", "line": None, "message": message, "param": None}
        run_in_transaction(
            self._database, partial(move_batch, batch_id=batch.id, to=BatchStatus.FAILED, errors=[error])
        )

    def _sweep(self) -> None:
        """Remove files whose time is over, what killed processes left, and replies that nobody asks for any more."""
        if time.monotonic() < self._next_sweep:
            return
        self._next_sweep = time.monotonic() + SWEEP_SECONDS
        for file_id in run_in_transaction(self._database, forget_expired_files):
            self._files.remove(file_id)
        run_in_transaction(self._database, partial(forget_old_replies, older_seconds=REPLIES_SECONDS))
        old = self._files.list_old()
        with session_scope(self._database) as session:
            known = list_known_files(session, file_ids=old)
        for name in set(old) - known:
            self._files.remove_leftover(name)


def _is_to_plan(batch: Batch) -> bool:
    return batch.status is BatchStatus.VALIDATING and not is_late(batch)


def _repeat(step: Callable[[], bool], stopping: threading.Event) -> None:
    """Again at once where there was something to do, else after a while; errors are told, and tried again later."""
    while not stopping.is_set():
        try:
            pause = 0.0 if step() else LOOK_SECONDS
        except Exception:
            logger.exception("trying again in %.0f s", PAUSE_SECONDS)
            pause = PAUSE_SECONDS
        stopping.wait(pause)
