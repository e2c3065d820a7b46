"""Predictions of a large job: the rows asked for, whatever is kept of them."""

import numpy as np
import pytest
from sqlalchemy import Engine as Database

from tests.worker.fake_night import predict_flat
from tests.worker.large_job import TASKS, predict_varied, store
from worker.job_predictions import KEPT_TASKS, JobPredictions


def test_rows_come_as_asked_for_from_a_job_larger_than_what_is_kept(db_engine: Database) -> None:
    stored = predict_varied()
    predictions = JobPredictions(db_engine, job=store(db_engine, stored, cap=10**6))
    asked = [
        np.arange(5000),
        np.arange(5000, 10_000),
        np.arange(100),  # before what is kept by now, or in it
        np.arange(19_000, 24_000),  # across the end of what is kept
        np.array([3, 23_999, 500]),
        np.array([7]),
        np.arange(TASKS),
        np.array([], dtype=np.int64),
    ]
    assert TASKS > KEPT_TASKS
    for rows in asked:
        given = predictions.of(rows)
        for name in ("accuracy", "cost", "worst_cost", "prompt_tokens"):
            np.testing.assert_array_equal(getattr(given, name), getattr(stored, name)[rows])


@pytest.mark.parametrize("tasks", [1, 5])
def test_a_small_job_is_kept_as_a_whole(db_engine: Database, tasks: int) -> None:
    predictions = JobPredictions(
        db_engine, job=store(db_engine, predict_flat(tasks, small=(0.2, 5), large=(0.9, 20)), cap=100)
    )
    last = predictions.of([tasks - 1])
    assert last.cost.tolist() == [[5.0, 20.0]]
    assert np.shares_memory(predictions.of([0]).cost, predictions.of(range(tasks)).cost)
