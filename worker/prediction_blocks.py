"""A job's predictions, stored in blocks of consecutive tasks."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from db.predictions import PredictionBlock, Predictions, store_prediction_block
from db.trial_predictions import TrialPredictions, store_trial_predictions
from worker.challengers import Tried
from worker.prediction_rows import take_rows

BLOCK_TASKS = 10_000


def store_blocks(session: Session, *, job_id: int, predictions: Predictions, version_ids: Sequence[int]) -> None:
    """Store what the predictors of these versions predict."""
    for lo in range(0, len(predictions.cost), BLOCK_TASKS):
        part = take_rows(predictions, slice(lo, lo + BLOCK_TASKS))
        block = PredictionBlock(lo=lo, hi=lo + len(part.cost), predictor_version_ids=version_ids, predictions=part)
        store_prediction_block(session, job_id=job_id, block=block)


def store_tried(session: Session, *, job_id: int, tried: Tried) -> None:
    """Store what those on trial predict, a column for each."""
    for lo in range(0, len(tried.predictions.cost), BLOCK_TASKS):
        part = take_rows(tried.predictions, slice(lo, lo + BLOCK_TASKS))
        block = TrialPredictions(
            trial_id=tried.trial_id,
            lo=lo,
            hi=lo + len(part.cost),
            columns=tried.columns,
            accuracy=part.accuracy,
            cost=part.cost,
        )
        store_trial_predictions(session, job_id=job_id, block=block)
