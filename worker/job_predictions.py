"""A job's predictions, read once and kept for as long as a process works on it."""

import threading

import numpy as np
from numpy.typing import ArrayLike
from sqlalchemy import Engine as Database

from db.jobs import Job
from db.predictions import Predictions, read_predictions
from db.session import session_scope
from worker.prediction_rows import take_rows


class JobPredictions:
    """Predictions never change once a job is stored, and every window is priced with all that come after it."""

    def __init__(self, database: Database, *, job: Job) -> None:
        self._database = database
        self._job = job
        self._lock = threading.Lock()
        self._read: Predictions | None = None

    def of_all(self) -> Predictions:
        """Row i is task i."""
        with self._lock:
            if self._read is None:
                with session_scope(self._database) as session:
                    self._read = read_predictions(session, job_id=self._job.id, seqs=range(self._job.task_count))
            return self._read

    def of(self, seqs: ArrayLike) -> Predictions:
        """Rows in the order of `seqs`; views where those follow one another, as all but a few windows' tasks do."""
        rows = np.asarray(seqs, dtype=np.int64)
        if len(rows) and (np.diff(rows) == 1).all():
            return take_rows(self.of_all(), slice(int(rows[0]), int(rows[-1]) + 1))
        return take_rows(self.of_all(), rows)
