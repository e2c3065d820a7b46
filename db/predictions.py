"""Predictions of a job, stored in blocks of consecutive tasks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session


@dataclass(frozen=True, kw_only=True, eq=False)
class Predictions:
    """What was predicted for some tasks; arrays (tasks, strategies), strategies in the job's order."""

    accuracy: NDArray[np.float32]  # NaN = not eligible
    cost: NDArray[np.float64]  # quanta
    worst_cost: NDArray[np.float64]  # quanta
    prompt_tokens: NDArray[np.int32]


@dataclass(frozen=True, kw_only=True, eq=False)
class PredictionBlock:
    """Predictions for tasks lo..hi-1."""

    lo: int
    hi: int
    predictor_version_ids: Sequence[int]
    predictions: Predictions


def store_prediction_block(session: Session, *, job_id: int, block: PredictionBlock) -> None:
    """Store the block."""
    raise NotImplementedError


def iterate_prediction_blocks(session: Session, *, job_id: int) -> Iterator[PredictionBlock]:
    """All blocks of the job, in order, one in memory at a time."""
    raise NotImplementedError


def read_predictions(session: Session, *, job_id: int, seqs: Sequence[int]) -> Predictions:
    """Predictions for these tasks, rows in the order of `seqs`."""
    raise NotImplementedError
