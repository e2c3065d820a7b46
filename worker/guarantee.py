"""Money kept free so that every task that was not started can still have its least worst case."""

import threading
from collections.abc import Sequence

import numpy as np
from sqlalchemy import Engine as Database

from db.budgets import read_budget
from db.jobs import Job
from db.predictions import read_predictions
from db.session import session_scope
from db.states import JobKind
from db.unstarted import list_unstarted
from worker.prediction_rows import find_servable


class Guarantee:
    """What a batch must leave free for the tasks that come after it.

    A budget that serves every task, whatever the answers' lengths, must not lose that to tasks that were started
    earlier and cost more than predicted. Where it does not guarantee that, nothing is kept: first come, first served.
    """

    def __init__(self, least_worst: dict[int, int]) -> None:
        self._least = least_worst  # quanta by seq, of every task
        self._unstarted = set(least_worst)
        self._total = sum(least_worst.values())
        self._lock = threading.Lock()

    def keep_free(self, seqs: Sequence[int]) -> int:
        """Quanta that all unstarted tasks but these need at their least worst case."""
        with self._lock:
            return self._total - sum(self._least[seq] for seq in self._unstarted.intersection(seqs))

    def note_started(self, seqs: Sequence[int]) -> None:
        """These tasks have their reservation."""
        with self._lock:
            for seq in self._unstarted.intersection(seqs):
                self._unstarted.discard(seq)
                self._total -= self._least[seq]

    def note_returned(self, seqs: Sequence[int]) -> None:
        """These tasks were started in vain and have to be started again."""
        with self._lock:
            for seq in set(seqs) - self._unstarted:
                if seq in self._least:
                    self._unstarted.add(seq)
                    self._total += self._least[seq]


def load_guarantee(database: Database, *, job: Job) -> Guarantee:
    """The guarantee that the job's budget can give from here on; an empty one where it gives none."""
    if job.kind is not JobKind.RUN:
        return Guarantee({})
    with session_scope(database) as session:
        budget = read_budget(session, budget_id=job.budget_id)
        if budget.left is None:
            return Guarantee({})
        seqs = list_unstarted(session, job_id=job.id)
        predictions = read_predictions(session, job_id=job.id, seqs=seqs)
    servable = find_servable(predictions)
    least = np.nanmin(predictions.worst_cost[servable], axis=1) if servable.any() else np.empty(0)
    kept = {seq: int(amount) for seq, amount in zip(np.array(seqs)[servable].tolist(), least, strict=True)}
    return Guarantee(kept if sum(kept.values()) <= budget.left else {})
