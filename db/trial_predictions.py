"""What versions on trial predict for a job's tasks, kept beside what the champions predict."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from db.jobs import read_job
from db.tables import TrialPredictionRow

ACCURACY, COST = "<f4", "<f8"


@dataclass(frozen=True, kw_only=True, eq=False)
class TrialPredictions:
    """Predictions for tasks lo..hi-1; arrays (hi - lo, columns)."""

    trial_id: int
    lo: int
    hi: int
    columns: Sequence[int]  # of the job's strategies
    accuracy: NDArray[np.float32]  # NaN = not eligible
    cost: NDArray[np.float64]  # quanta


def store_trial_predictions(session: Session, *, job_id: int, block: TrialPredictions) -> None:
    """Store a block of them."""
    row = insert(TrialPredictionRow).values(
        tenant_id=read_job(session, job_id=job_id).tenant_id,
        job_id=job_id,
        lo=block.lo,
        hi=block.hi,
        trial_id=block.trial_id,
        columns=list(block.columns),
        accuracy=block.accuracy.astype(ACCURACY).tobytes(),
        cost=block.cost.astype(COST).tobytes(),
    )
    session.execute(row)


def read_trial_predictions(session: Session, *, job_id: int, lo: int, hi: int) -> TrialPredictions | None:
    """Those of the tasks lo..hi-1; None for a job that was planned without a trial."""
    own = TrialPredictionRow
    query = select(own.trial_id, own.lo, own.hi, own.columns, own.accuracy, own.cost)
    query = query.where(own.job_id == job_id, own.hi > lo, own.lo < hi).order_by(own.lo)
    rows = session.execute(query).all()
    if not rows:
        return None
    shape = (-1, len(rows[0].columns))
    accuracy = np.concatenate([np.frombuffer(row.accuracy, ACCURACY).reshape(shape) for row in rows])
    cost = np.concatenate([np.frombuffer(row.cost, COST).reshape(shape) for row in rows])
    wanted = slice(lo - rows[0].lo, hi - rows[0].lo)
    return TrialPredictions(
        trial_id=rows[0].trial_id,
        lo=lo,
        hi=hi,
        columns=rows[0].columns,
        accuracy=accuracy[wanted],
        cost=cost[wanted],
    )
