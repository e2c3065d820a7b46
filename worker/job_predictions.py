"""A job's predictions: in memory as a whole where it is small, else as far as windows ask for them."""

import threading
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sqlalchemy import Engine as Database
from sqlalchemy.orm import Session

from db.jobs import Job, read_outlines
from db.predictions import (
    Predictions,
    iterate_prediction_blocks,
    read_prediction_blocks,
    read_predictions,
    read_version_ids,
)
from db.session import session_scope
from db.twins import read_leaders
from router.drift.outline import read_outline
from worker.job_standing import Standing, read_standing
from worker.prediction_rows import join_rows, take_rows
from worker.twins import count_alike

KEPT_TASKS = 20_000  # a job of so many is in memory as a whole; of a larger one, the blocks of a window
SPARSEST = 4  # rows that are fewer than one in so many of their stretch are read by themselves, and not kept


class JobPredictions:
    """Predictions never change once a job is stored: what was read is kept, corrected as it was called for by then.

    The accuracy of a task that has twins counts for all of them: what is allocated together is worth that much.
    """

    def __init__(self, database: Database, *, job: Job) -> None:
        self._database = database
        self._job = job
        self._lock = threading.Lock()
        self._kept_from = 0
        self._kept: Predictions | None = None
        self._alike: NDArray[np.int64] | None = None  # (tasks,); None: no task has twins
        with session_scope(database) as session:
            self._version_ids = read_version_ids(session, job_id=job.id)
            stored = read_outlines(session, job_ids=[job.id])
            self._outline = read_outline(stored[job.id]) if stored else None
            self.standing = self._read_standing(session)
        if job.twins:
            with session_scope(database) as session:
                self._alike = count_alike(job.task_count, leader_of=read_leaders(session, job_id=job.id))

    def are_current(self) -> bool:
        """Whether its strategies still stand as they did: else all of it is to be read anew."""
        with session_scope(self._database) as session:
            return self.standing.holds(self._read_standing(session))

    def of(self, seqs: ArrayLike) -> Predictions:
        """Rows in the order of `seqs`; views where those follow one another, as all but a few windows' tasks do."""
        rows, total = np.asarray(seqs, dtype=np.int64), self._job.task_count
        in_turn = bool(len(rows)) and bool((np.diff(rows) == 1).all())
        begin, end = (int(rows.min()), int(rows.max()) + 1) if len(rows) else (0, 0)
        if total > KEPT_TASKS and end - begin >= SPARSEST * len(rows):
            with session_scope(self._database) as session:
                return self._weigh(read_predictions(session, job_id=self._job.id, seqs=rows.tolist()), rows)
        with self._lock:
            kept, first = self._keep(begin, end) if total > KEPT_TASKS else self._keep(0, total)
        return take_rows(kept, slice(begin - first, end - first) if in_turn else rows - first)

    def blocks(self) -> Iterator[Predictions]:
        """All rows, some thousands at a time, in order."""
        with session_scope(self._database) as session:
            for block in iterate_prediction_blocks(session, job_id=self._job.id):
                yield self._weigh(block.predictions, slice(block.lo, block.hi))

    def weight_of(self, seqs: ArrayLike) -> NDArray[np.float32]:
        """(tasks,): how many tasks each of these answers, by which its accuracies are multiplied."""
        rows = np.asarray(seqs, dtype=np.int64)
        return np.ones(len(rows), dtype=np.float32) if self._alike is None else self._find_weight(self._alike, rows)

    def _read_standing(self, session: Session) -> Standing:
        return read_standing(
            session, strategy_ids=self._job.strategy_ids, version_ids=self._version_ids, outline=self._outline
        )

    def _weigh(self, stored: Predictions, tasks: NDArray[np.int64] | slice) -> Predictions:
        predictions = self.standing.correct(stored)
        if self._alike is None:
            return predictions
        weight = self._find_weight(self._alike, tasks)
        return replace(predictions, accuracy=predictions.accuracy * weight[:, None])

    @staticmethod
    def _find_weight(alike: NDArray[np.int64], tasks: NDArray[np.int64] | slice) -> NDArray[np.float32]:
        return np.maximum(alike[tasks], 1).astype(np.float32)

    def _keep(self, begin: int, end: int) -> tuple[Predictions, int]:
        """Whole blocks that hold these rows, and the first one's task: the next window finds its rows there as well."""
        kept, first = self._kept, self._kept_from
        if kept is None or not (first <= begin and end <= first + len(kept.cost)):
            with session_scope(self._database) as session:
                blocks = read_prediction_blocks(session, job_id=self._job.id, lo=begin, hi=end)
            first, last = blocks[0].lo, blocks[-1].hi
            kept = self._weigh(join_rows([block.predictions for block in blocks]), slice(first, last))
            self._kept, self._kept_from = kept, first
        return kept, first
