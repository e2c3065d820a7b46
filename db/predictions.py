"""Predictions of a job, stored in blocks of consecutive tasks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Row, insert, select, text
from sqlalchemy.orm import Session

from db.errors import NoSuchRow
from db.jobs import read_job
from db.tables import PredictionBlockRow


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


_ARRAYS = tuple(field.name for field in fields(Predictions))
_STORED_DTYPES = {"accuracy": "<f4", "cost": "<f8", "worst_cost": "<f8", "prompt_tokens": "<i4"}
_COLUMNS = [getattr(PredictionBlockRow, name) for name in ("lo", "hi", "predictor_version_ids", *_ARRAYS)]


def store_prediction_block(session: Session, *, job_id: int, block: PredictionBlock) -> None:
    """Store the block; ValueError when an array has not one row a task and one column a strategy of the job."""
    job = read_job(session, job_id=job_id)
    shape = (block.hi - block.lo, len(job.strategy_ids))
    arrays = {name: getattr(block.predictions, name) for name in _ARRAYS}
    for name, array in arrays.items():
        if array.shape != shape:
            raise ValueError(
                f"{name} of tasks {block.lo}..{block.hi - 1} of job {job_id} is {array.shape}, not {shape}"
            )
    row = insert(PredictionBlockRow).values(
        tenant_id=job.tenant_id,
        job_id=job_id,
        lo=block.lo,
        hi=block.hi,
        predictor_version_ids=list(block.predictor_version_ids),
        **{name: array.astype(_STORED_DTYPES[name]).tobytes() for name, array in arrays.items()},
    )
    session.execute(row)


def iterate_prediction_blocks(session: Session, *, job_id: int) -> Iterator[PredictionBlock]:
    """All blocks of the job, in order, one in memory at a time."""
    query = select(*_COLUMNS).where(PredictionBlockRow.job_id == job_id).order_by(PredictionBlockRow.lo)
    for row in session.execute(query, execution_options={"yield_per": 1}):
        yield _block(row)


def read_prediction_blocks(session: Session, *, job_id: int, lo: int, hi: int) -> list[PredictionBlock]:
    """The blocks that hold the tasks lo..hi-1, in order; NoSuchRow names a task that has none."""
    overlapping = (PredictionBlockRow.job_id == job_id, PredictionBlockRow.hi > lo, PredictionBlockRow.lo < hi)
    query = select(*_COLUMNS).where(*overlapping).order_by(PredictionBlockRow.lo)
    blocks = [_block(row) for row in session.execute(query)]
    reached = lo
    for block in blocks:
        if block.lo > reached:
            break
        reached = block.hi
    if reached < hi:
        raise NoSuchRow(table=f"prediction of job {job_id} for task", row_id=reached)
    return blocks


def read_predictions(session: Session, *, job_id: int, seqs: Sequence[int]) -> Predictions:
    """Predictions for these tasks, rows in the order of `seqs`; NoSuchRow names a task that has none."""
    wanted = np.asarray(seqs, dtype=np.int64)  # (tasks,)
    strategies = len(read_job(session, job_id=job_id).strategy_ids)
    gathered = {name: np.empty((len(wanted), strategies), dtype) for name, dtype in _STORED_DTYPES.items()}
    found = np.zeros(len(wanted), dtype=bool)  # (tasks,)
    covering = select(*_COLUMNS).where(PredictionBlockRow.job_id == job_id, _COVERS_A_TASK)
    for row in session.execute(covering, {"seqs": list(seqs)}, execution_options={"yield_per": 1}):
        block = _block(row)
        inside = (wanted >= block.lo) & (wanted < block.hi)  # (tasks,)
        for name in _ARRAYS:
            gathered[name][inside] = getattr(block.predictions, name)[wanted[inside] - block.lo]
        found |= inside
    if not found.all():
        raise NoSuchRow(table=f"prediction of job {job_id} for task", row_id=int(wanted[~found][0]))
    return Predictions(**gathered)


def read_version_ids(session: Session, *, job_id: int) -> list[int]:
    """The predictor versions that made a job's predictions, in the order of its strategies; none of other jobs."""
    own = select(PredictionBlockRow.predictor_version_ids).where(PredictionBlockRow.job_id == job_id)
    return list(session.execute(own.order_by(PredictionBlockRow.lo).limit(1)).scalar_one_or_none() or ())


_COVERS_A_TASK = text("EXISTS (SELECT FROM unnest(CAST(:seqs AS int[])) AS wanted (seq) WHERE seq >= lo AND seq < hi)")


def _block(row: Row[Any]) -> PredictionBlock:
    arrays = {
        name: np.frombuffer(getattr(row, name), _STORED_DTYPES[name]).reshape(row.hi - row.lo, -1) for name in _ARRAYS
    }
    return PredictionBlock(
        lo=row.lo, hi=row.hi, predictor_version_ids=row.predictor_version_ids, predictions=Predictions(**arrays)
    )
