"""What challengers predict for a job's tasks, as long as their trial goes on."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine as Database

from db.jobs import Job
from db.session import session_scope
from db.trial_predictions import TrialPredictions, read_trial_predictions
from db.trials import read_trial
from db.twins import read_leaders
from db.windows import ClaimedWindow
from worker.submission import TRIAL
from worker.twins import count_alike


class JobTrial:
    """The trial that the job was planned with, if any; each window looks whether it still goes on."""

    def __init__(self, database: Database, *, job: Job) -> None:
        self._database = database
        self._job = job
        self._trial_id: int | None = job.meta.get(TRIAL)
        self._alike: NDArray[np.int64] | None = None  # (tasks,); None: no task has twins
        if self._trial_id is not None and job.twins:
            with session_scope(database) as session:
                self._alike = count_alike(job.task_count, leader_of=read_leaders(session, job_id=job.id))

    def of(self, window: ClaimedWindow, *, rows: NDArray[np.bool_]) -> TrialPredictions | None:
        """Predictions for these of its tasks, in their order; None where nothing is tried, or tasks came back.

        As everywhere in routing, the accuracy of a task that has twins counts for all of them.
        """
        wanted = np.asarray(window.seqs, dtype=np.int64)[rows]
        if self._trial_id is None or window.requeued or not len(wanted):
            return None
        lo, hi = int(wanted.min()), int(wanted.max()) + 1
        with session_scope(self._database) as session:
            if read_trial(session, trial_id=self._trial_id).verdict is not None:
                return None
            block = read_trial_predictions(session, job_id=self._job.id, lo=lo, hi=hi)
        if block is None:
            return None
        alike = np.ones(len(wanted)) if self._alike is None else np.maximum(self._alike[wanted], 1)
        accuracy = block.accuracy[wanted - lo] * alike[:, None].astype(np.float32)
        return replace(block, accuracy=accuracy, cost=block.cost[wanted - lo])
