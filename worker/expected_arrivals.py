"""Tasks that a budget expects and that have not come yet: those that came stand for them."""

from sqlalchemy import Engine as Database

from db.budgets import read_budget
from db.jobs import Job, read_job
from db.session import session_scope
from db.unrouted import count_arrived, list_latest_arrivals
from router.pacing.horizon import expect_volume
from router.sketch import FrontierSketch, PriceScale, empty_sketch
from worker.job_backlog import sample_job, sketch_rows
from worker.job_predictions import JobPredictions

LATEST_JOBS = 8  # stand for what is to come; of each a sample


class ExpectedArrivals:
    """The view from one job, kept by its router from window to window."""

    def __init__(self, database: Database, *, job: Job) -> None:
        self._database = database
        self._job_id = job.id
        self._sketches: dict[int, FrontierSketch] = {}  # of all tasks of a job, by job

    def expects_any(self) -> bool:
        """Whether somebody said how many tasks its budget is for."""
        with session_scope(self._database) as session:
            budget = read_budget(session, budget_id=read_job(session, job_id=self._job_id).budget_id)
        return budget.expected_tasks is not None

    def find(self, scale: PriceScale) -> FrontierSketch:
        """The tasks to come, in the proportions of the latest jobs; always on the same scale.

        They keep no money free: what has arrived does, and goes first.
        """
        with session_scope(self._database) as session:
            budget = read_budget(session, budget_id=read_job(session, job_id=self._job_id).budget_id)
            arrived = count_arrived(session, budget_id=budget.id)
            latest = list_latest_arrivals(session, budget_id=budget.id, limit=LATEST_JOBS)
        seen = empty_sketch(scale)
        if budget.expected_tasks is None:
            return seen
        for job in latest:
            seen += self._sketch(job, scale)
        to_come = expect_volume(budget.expected_tasks, arrived=arrived)
        return seen * (to_come / seen.tasks) if seen.tasks else seen

    def _sketch(self, job: Job, scale: PriceScale) -> FrontierSketch:
        if job.id not in self._sketches:
            sampled = sample_job(JobPredictions(self._database, job=job), tasks=job.task_count)
            own = sketch_rows(sampled, scale)
            self._sketches[job.id] = own * (job.task_count / own.tasks) if own.tasks else own
        return self._sketches[job.id]
