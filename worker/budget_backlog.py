"""What shares a window's money and is not routed yet: the rest of its job, other open jobs, what is to come."""

from dataclasses import replace

import numpy as np
from sqlalchemy import Engine as Database

from db.jobs import Job
from db.predictions import Predictions
from db.session import session_scope
from db.unrouted import list_sharing_jobs, list_twin_seqs, list_unrouted
from db.windows import ClaimedWindow
from router.sketch import PriceScale
from worker.expected_arrivals import ExpectedArrivals
from worker.job_backlog import JobBacklog, Unrouted, choose_scale
from worker.job_predictions import JobPredictions
from worker.objective import Mode, Objective

JOINT_TASKS = 10_000  # in a job that is allocated together with each of its windows: some milliseconds


class BudgetBacklog:
    """The view from one job, kept by its router from window to window."""

    def __init__(self, database: Database, *, job: Job, predictions: JobPredictions) -> None:
        self._database = database
        self._job = job
        self._predictions = predictions
        self._is_limited = Objective.from_json(job.objective).mode is Mode.BUDGET  # else it has a plan of its own
        self._arrivals = ExpectedArrivals(database, job=job)
        self._scale: PriceScale | None = None  # of all sketches here: the job's own
        self._backlogs: dict[int, JobBacklog] = {}  # by job

    def find_rest(self, window: ClaimedWindow) -> Unrouted | Predictions:
        """All but the window: a sketch, or rows where a small job has the budget to itself."""
        with session_scope(self._database) as session:
            others = list_unrouted(session, job_id=self._job.id, but_window_id=window.id)
            sharing = list_sharing_jobs(session, job_id=self._job.id) if self._is_limited else []
        expects = self._is_limited and self._arrivals.expects_any()
        if self._job.task_count <= JOINT_TASKS and not sharing and not expects:
            return self._read_rows(others, cursor_seq=window.cursor_seq)
        rest = self._open(self._job, self._predictions).find_unrouted(cursor_seq=window.cursor_seq, others=others)
        if expects:
            rest = replace(rest, sketch=rest.sketch + self._arrivals.find(rest.sketch.scale))
        for job in sharing:
            rest += self._find_unrouted_of(job)
        self._forget_all_but({self._job.id, *(job.id for job in sharing)})
        return rest

    def _read_rows(self, others: list[int], *, cursor_seq: int) -> Predictions:
        seqs = np.concatenate([np.array(others, dtype=np.int64), np.arange(cursor_seq, self._job.task_count)])
        if self._job.twins:
            with session_scope(self._database) as session:
                seqs = np.setdiff1d(seqs, list_twin_seqs(session, job_id=self._job.id))
        return self._predictions.of(seqs)

    def _find_unrouted_of(self, job: Job) -> Unrouted:
        with session_scope(self._database) as session:
            others = list_unrouted(session, job_id=job.id)
        backlog = self._open(job, JobPredictions(self._database, job=job))
        return backlog.find_unrouted(cursor_seq=job.cursor_seq, others=others)

    def _open(self, job: Job, predictions: JobPredictions) -> JobBacklog:
        if self._scale is None:
            objective = Objective.from_json(self._job.objective)
            self._scale = choose_scale(self._predictions, tasks=self._job.task_count, objective=objective)
        if job.id not in self._backlogs:
            self._backlogs[job.id] = JobBacklog(self._database, job=job, predictions=predictions, scale=self._scale)
        return self._backlogs[job.id]

    def _forget_all_but(self, job_ids: set[int]) -> None:
        """Other jobs have ended."""
        for job_id in self._backlogs.keys() - job_ids:
            del self._backlogs[job_id]
