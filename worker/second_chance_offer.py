"""Second chances as routing sees them: the kept answer is one strategy more, which costs nothing and is there already.

So a task is asked once more where that is worth its cost at the window's price, and ends with its kept answer
everywhere else; every objective, limit and fallback of routing holds for it as for any task.
"""

import numpy as np
from numpy.typing import NDArray

from db.jobs import Job
from db.predictions import Predictions
from db.windows import ClaimedWindow, Requeued
from router.engine_time import EngineTime
from router.second_chance import Failure
from worker.prediction_rows import strike_cells, widen
from worker.second_chance_terms import SecondChanceTerms

LEAST_GAIN = 0.02  # right answers; what promises less is not asked even where money is left over


def find_offers(window: ClaimedWindow) -> NDArray[np.bool_]:
    """(tasks,): those that have a kept answer."""
    seqs = [task.seq for task in window.requeued if task.kept is not None]
    return np.isin(window.seqs, seqs)


def offer_kept(
    own: Predictions, *, job: Job, window: ClaimedWindow, terms: SecondChanceTerms, weight: NDArray[np.float32]
) -> Predictions:
    """The window's predictions with a last column for kept answers, the others conditioned on what failed.

    Accuracies come and go times `weight` (tasks,). A strategy that promises too little more than the kept answer may
    not serve its task.
    """
    offered = [task for task in window.requeued if task.kept is not None]
    rows = np.searchsorted(window.seqs, [task.seq for task in offered])
    failed = [job.strategy_ids.index(task.kept.strategy_id) for task in offered if task.kept is not None]
    failures = [Failure(task.kept.failure) for task in offered if task.kept is not None]
    accuracy = own.accuracy[rows].astype(np.float64) / weight[rows, None]
    conditioned = terms.shifts.condition(accuracy, failures=failures, failed=failed)
    kept = np.array([_find_worth(task, conditioned[row, failed[row]]) for row, task in enumerate(offered)])
    wide = widen(own)
    for array in (wide.cost, wide.worst_cost):
        array[rows, -1] = 0.0
    wide.accuracy[rows, :-1] = conditioned * weight[rows, None]
    wide.accuracy[rows, -1] = kept * weight[rows]
    hopeless = np.zeros(wide.cost.shape, dtype=bool)
    hopeless[rows, :-1] = conditioned < kept[:, None] + LEAST_GAIN
    return strike_cells(wide, hopeless)


def add_kept_engine(time: EngineTime) -> EngineTime:
    """The same with an engine more, that of kept answers."""
    return time.with_free("kept answers")


def _find_worth(task: Requeued, own: float) -> float:
    """How likely a kept answer is right; `own` is what its strategy's failure leaves of its accuracy."""
    assert task.kept is not None
    return own if task.kept.failure == Failure.DISAGREEMENT else task.kept.score
