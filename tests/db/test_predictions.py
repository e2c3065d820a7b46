import numpy as np
import pytest
from sqlalchemy import Engine

from db.errors import NoSuchRow
from db.predictions import (
    PredictionBlock,
    Predictions,
    iterate_prediction_blocks,
    read_prediction_blocks,
    read_predictions,
    store_prediction_block,
)
from db.session import session_scope
from tests.db.building import build_job


def predict(tasks: int, strategies: int, *, seed: int) -> Predictions:
    random = np.random.default_rng(seed)
    accuracy = random.random((tasks, strategies), dtype=np.float32)
    accuracy[0, 0] = np.nan
    return Predictions(
        accuracy=accuracy,
        cost=random.random((tasks, strategies)) * 1e14,
        worst_cost=np.asfortranarray(random.random((tasks, strategies)) * 1e15),  # stored in C order all the same
        prompt_tokens=random.integers(0, 2**31 - 1, (tasks, strategies), dtype=np.int32),
    )


def assert_equal(left: Predictions, right: Predictions) -> None:
    for name in ("accuracy", "cost", "worst_cost", "prompt_tokens"):
        np.testing.assert_array_equal(getattr(left, name), getattr(right, name))
        assert getattr(left, name).dtype == getattr(right, name).dtype


def test_blocks_come_back_bit_for_bit_and_any_rows_can_be_gathered(db_engine: Engine) -> None:
    blocks = [
        PredictionBlock(lo=0, hi=3, predictor_version_ids=[7, 8], predictions=predict(3, 2, seed=1)),
        PredictionBlock(lo=3, hi=5, predictor_version_ids=[7, 9], predictions=predict(2, 2, seed=2)),
    ]
    with session_scope(db_engine) as session:
        job = build_job(session, tasks=5)
        for block in reversed(blocks):
            store_prediction_block(session, job_id=job.id, block=block)
        stored = list(iterate_prediction_blocks(session, job_id=job.id))
        gathered = read_predictions(session, job_id=job.id, seqs=[4, 0, 2])
    assert [(block.lo, block.hi, block.predictor_version_ids) for block in stored] == [(0, 3, [7, 8]), (3, 5, [7, 9])]
    for block, again in zip(blocks, stored, strict=True):
        assert_equal(block.predictions, again.predictions)
    first, second = (block.predictions for block in blocks)
    np.testing.assert_array_equal(gathered.cost, [second.cost[1], first.cost[0], first.cost[2]])
    np.testing.assert_array_equal(
        gathered.prompt_tokens, [second.prompt_tokens[1], first.prompt_tokens[0], first.prompt_tokens[2]]
    )


def test_a_task_without_prediction_is_named(db_engine: Engine) -> None:
    block = PredictionBlock(lo=0, hi=2, predictor_version_ids=[], predictions=predict(2, 2, seed=1))
    with session_scope(db_engine) as session:
        job = build_job(session, tasks=5)
        store_prediction_block(session, job_id=job.id, block=block)
        with pytest.raises(NoSuchRow, match=f"there is no prediction of job {job.id} for task 3"):
            read_predictions(session, job_id=job.id, seqs=[1, 3])


def test_a_run_of_tasks_is_read_with_whole_blocks(db_engine: Engine) -> None:
    with session_scope(db_engine) as session:
        job = build_job(session, tasks=9)
        for lo, hi in ((4, 6), (0, 4), (7, 9)):
            block = PredictionBlock(lo=lo, hi=hi, predictor_version_ids=[], predictions=predict(hi - lo, 2, seed=lo))
            store_prediction_block(session, job_id=job.id, block=block)
        for begin, end, expected in ((0, 4, [(0, 4)]), (3, 5, [(0, 4), (4, 6)]), (5, 6, [(4, 6)]), (8, 9, [(7, 9)])):
            blocks = read_prediction_blocks(session, job_id=job.id, lo=begin, hi=end)
            assert [(block.lo, block.hi) for block in blocks] == expected
            assert_equal(blocks[0].predictions, predict(blocks[0].hi - blocks[0].lo, 2, seed=blocks[0].lo))
        for begin, end, missing in ((5, 8, 6), (6, 7, 6), (8, 10, 9)):
            with pytest.raises(NoSuchRow, match=f"there is no prediction of job {job.id} for task {missing}"):
                read_prediction_blocks(session, job_id=job.id, lo=begin, hi=end)


def test_an_array_of_the_wrong_shape_is_refused(db_engine: Engine) -> None:
    block = PredictionBlock(lo=0, hi=2, predictor_version_ids=[], predictions=predict(2, 3, seed=1))
    with session_scope(db_engine) as session:
        job = build_job(session, tasks=5)
        with pytest.raises(ValueError, match=rf"accuracy of tasks 0..1 of job {job.id} is \(2, 3\), not \(2, 2\)"):
            store_prediction_block(session, job_id=job.id, block=block)
