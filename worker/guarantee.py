"""Money kept free so that every task that was not started can still have its least worst case."""

import logging
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import numpy as np
from sqlalchemy import Engine as Database

from db.budgets import read_budget
from db.jobs import Job
from db.session import session_scope
from db.states import JobKind
from db.unstarted import list_unstarted
from worker.job_predictions import JobPredictions
from worker.prediction_rows import find_servable

logger = logging.getLogger(__name__)


class Needs(NamedTuple):
    """What the tasks of a job need at their least worst case."""

    least_worst: Mapping[int, int]  # quanta by seq, of every task that can be served
    unstarted: Collection[int]  # seqs among them; empty where the budget guarantees nothing


class Guarantee:
    """What a batch must leave free for the tasks that come after it.

    A budget that serves every task, whatever the answers' lengths, must not lose that to tasks that were started
    earlier and cost more than predicted. Where it does not guarantee that, nothing is kept: first come, first served.
    """

    def __init__(self, needs: Needs) -> None:
        self._lock = threading.Lock()
        self._take(needs)

    def keep_free(self, seqs: Collection[int]) -> int:
        """Quanta that all unstarted tasks but these need at their least worst case."""
        with self._lock:
            return self._total - self._sum(seqs)

    @contextmanager
    def reserving(self, seqs: Collection[int]) -> Iterator[int]:
        """What a reservation of these tasks must leave free; they are started once the block ends without an error.

        One reservation at a time: between its commit and this note another would count its tasks twice, or not at all.
        """
        with self._lock:
            yield self._total - self._sum(seqs)
            self._remove(seqs)

    def note_returned(self, seqs: Collection[int]) -> None:
        """These tasks were started in vain and have to be started again; call it before their money is released."""
        with self._lock:
            if self._kept:
                back = {seq for seq in seqs if seq in self._least} - self._unstarted
                self._unstarted |= back
                self._total += sum(self._least[seq] for seq in back)

    def note_given_up(self, seqs: Collection[int]) -> None:
        """These tasks will never be started."""
        with self._lock:
            self._remove(seqs)

    def end_if_broken(self, left: int) -> bool:
        """Keep nothing any more when what is left is less than what is needed; whether it came to that.

        Attempts that were paid for and gave no answer can do this. To go on keeping would deny everybody everything.
        """
        with self._lock:
            if left >= self._total:
                return False
            logger.warning("%d quanta are left, %d would guarantee every task its answer", left, self._total)
            self._take(Needs({}, ()))
            return True

    def replace(self, read_needs: Callable[[], Needs]) -> None:
        """Begin anew from what the database says; no reservation is made while it is read."""
        with self._lock:
            self._take(read_needs())

    def _take(self, needs: Needs) -> None:
        self._least = needs.least_worst
        self._unstarted = set(needs.unstarted)
        self._total = self._sum(self._unstarted)
        self._kept = bool(self._unstarted)

    def _sum(self, seqs: Collection[int]) -> int:
        return sum(self._least[seq] for seq in self._unstarted.intersection(seqs))

    def _remove(self, seqs: Collection[int]) -> None:
        self._total -= self._sum(seqs)
        self._unstarted.difference_update(seqs)


def load_guarantee(database: Database, *, job: Job, predictions: JobPredictions) -> Guarantee:
    """The guarantee that the job's budget can give from here on; one that keeps nothing where it gives none."""
    return Guarantee(_read_needs(database, job=job, predictions=predictions))


def reload_guarantee(guarantee: Guarantee, database: Database, *, job: Job, predictions: JobPredictions) -> None:
    """After something was burned: what has to be started again, if there is still enough for it."""
    guarantee.replace(partial(_read_needs, database, job=job, predictions=predictions))


def _read_needs(database: Database, *, job: Job, predictions: JobPredictions) -> Needs:
    if job.kind is not JobKind.RUN:
        return Needs({}, ())
    with session_scope(database) as session:
        # Before the budget: what is settled in between makes more free, never less.
        unstarted = list_unstarted(session, job_id=job.id)
        budget = read_budget(session, budget_id=job.budget_id)
        if budget.left is None:
            return Needs({}, ())
    servable = find_servable(predictions.of_all())
    worst = predictions.of_all().worst_cost[servable]
    least = np.nanmin(worst, axis=1) if len(worst) else np.empty(0)
    least_worst = {seq: int(amount) for seq, amount in zip(np.flatnonzero(servable).tolist(), least, strict=True)}
    wanted = [seq for seq in unstarted if seq in least_worst]
    affordable = sum(least_worst[seq] for seq in wanted) <= budget.left
    return Needs(least_worst, wanted if affordable else ())
