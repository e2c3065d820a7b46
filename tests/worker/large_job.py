"""A stored job too large to be allocated as a whole for each window."""

import numpy as np
from sqlalchemy import Engine as Database

from db.jobs import Job, read_job
from db.predictions import Predictions
from db.session import session_scope
from tests.worker.fake_night import budget, submit

TASKS = 24_000


def predict_varied(tasks: int = TASKS, seed: int = 0) -> Predictions:
    """Two strategies, the tasks on which the dear one helps most at the end; some tasks have one strategy, or none."""
    rng = np.random.default_rng(seed)
    accuracy = np.empty((tasks, 2), dtype=np.float32)
    accuracy[:, 0] = 0.5 * rng.random(tasks)
    accuracy[:, 1] = accuracy[:, 0] + np.sort(rng.random(tasks)) * 0.5
    cost = np.ceil(np.array([5.0, 20.0]) * rng.lognormal(0, 0.5, (tasks, 2)))
    worst_cost = cost + np.floor(rng.uniform(1, 20, (tasks, 2)))
    for column, every in ((0, 7), (1, 11)):
        accuracy[::every, column] = cost[::every, column] = worst_cost[::every, column] = np.nan
    return Predictions(
        accuracy=accuracy, cost=cost, worst_cost=worst_cost, prompt_tokens=np.full((tasks, 2), 5, dtype=np.int32)
    )


def store(database: Database, predictions: Predictions, *, cap: int) -> Job:
    """The job under a budget in tokens."""
    job_id = submit(database, predictions=predictions, objective=budget(cap))
    with session_scope(database) as session:
        return read_job(session, job_id=job_id)
