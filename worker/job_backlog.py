"""A job's unrouted tasks as a sketch, which follows the cursor: pricing them costs no more than a window."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from sqlalchemy import Engine as Database

from db.jobs import Job
from db.predictions import Predictions
from db.session import session_scope
from db.unrouted import list_twin_seqs
from router.pacing.scale import fit_scale
from router.sketch import FrontierSketch, PriceScale, empty_sketch, sketch_frontier
from worker.job_predictions import JobPredictions
from worker.objective import Objective
from worker.prediction_rows import find_servable, join_rows, offer_none, take_rows

# For the scale: so many stretches of so many tasks, from a job's first task to its last.
SAMPLES = 16
SAMPLE_TASKS = 500


@dataclass(frozen=True, kw_only=True, eq=False)
class Unrouted:
    """Tasks that share a budget and are not routed. Those of several jobs add up, on one scale."""

    sketch: FrontierSketch
    margin: float  # quanta: the most by which a task's least worst case exceeds its predicted cost

    def __add__(self, other: Self) -> Self:
        return replace(self, sketch=self.sketch + other.sketch, margin=max(self.margin, other.margin))


class JobBacklog:
    """The tasks of one job that are in no group. Rebuilt from the stored predictions by each process."""

    def __init__(self, database: Database, *, job: Job, predictions: JobPredictions, scale: PriceScale) -> None:
        self._predictions = predictions
        self._scale = scale
        self._leaves_out = Objective.from_json(job.objective).leaves_out
        self._twins = np.empty(0, dtype=np.int64)  # cost nothing
        if job.twins:
            with session_scope(database) as session:
                self._twins = np.array(list_twin_seqs(session, job_id=job.id), dtype=np.int64)
        self._cursor_seq = job.cursor_seq
        self._margins: list[tuple[int, float]] = []  # the end of a block of tasks, and its margin
        self._beyond = self._sketch_beyond(job.cursor_seq)

    def find_unrouted(self, *, cursor_seq: int, others: Sequence[int]) -> Unrouted:
        """The tasks from the cursor on, and others that are in no group either."""
        self._advance(cursor_seq)
        margin = max((margin for end, margin in self._margins if end > cursor_seq), default=0.0)
        unrouted = Unrouted(sketch=self._beyond, margin=margin)
        return unrouted + self._sum_up(self._predictions.of(others)) if len(others) else unrouted

    def _advance(self, cursor_seq: int) -> None:
        """Take away what was cut into windows, by whichever router."""
        if cursor_seq > self._cursor_seq:
            cut = self._predictions.of(np.arange(self._cursor_seq, cursor_seq))
            self._beyond -= self._sum_up(self._leave_out_twins(cut, first=self._cursor_seq)).sketch
            self._cursor_seq = cursor_seq

    def _sketch_beyond(self, cursor_seq: int) -> FrontierSketch:
        end, total = 0, empty_sketch(self._scale)
        for block in self._predictions.blocks():
            begin, end = end, end + len(block.cost)
            if end > cursor_seq:
                first = max(begin, cursor_seq)
                rows = take_rows(block, slice(first - begin, None))
                part = self._sum_up(self._leave_out_twins(rows, first=first))
                total += part.sketch
                self._margins.append((end, part.margin))
        return total

    def _leave_out_twins(self, predictions: Predictions, *, first: int) -> Predictions:
        """The rows of tasks from the first on, but those of twins."""
        if not len(self._twins):
            return predictions
        return take_rows(predictions, ~np.isin(np.arange(first, first + len(predictions.cost)), self._twins))

    def _sum_up(self, predictions: Predictions) -> Unrouted:
        served = self._predictions.standing.keep_in_service(predictions)
        able = take_rows(served, find_servable(served))
        priced = offer_none(able) if self._leaves_out else able
        return Unrouted(sketch=sketch_rows(priced, self._scale), margin=find_margin(able))


def choose_scale(predictions: JobPredictions, *, tasks: int, objective: Objective) -> PriceScale:
    """A scale for a job of so many tasks, from a sample of them."""
    able = sample_job(predictions, tasks=tasks)
    able = offer_none(able) if objective.leaves_out else able
    return fit_scale(able.accuracy, able.cost, unit=objective.unit)


def sample_job(predictions: JobPredictions, *, tasks: int) -> Predictions:
    """Stretches of a job of so many tasks, in part twice where it is short; without those that nobody can serve."""
    begins = np.linspace(0, max(tasks - SAMPLE_TASKS, 0), SAMPLES).astype(np.int64)
    sampled = join_rows([predictions.of(np.arange(begin, min(begin + SAMPLE_TASKS, tasks))) for begin in begins])
    served = predictions.standing.keep_in_service(sampled)
    return take_rows(served, find_servable(served))


def sketch_rows(predictions: Predictions, scale: PriceScale) -> FrontierSketch:
    """The sketch of tasks that somebody can serve."""
    return sketch_frontier(predictions.accuracy, predictions.cost, scale)


def find_margin(predictions: Predictions) -> float:
    """The most by which a task's least worst case exceeds what is predicted for it."""
    if not len(predictions.cost):
        return 0.0
    cheapest = np.nanargmin(predictions.worst_cost, axis=1)[:, None]
    excess = np.take_along_axis(predictions.worst_cost - predictions.cost, cheapest, axis=1)
    return float(excess.max(initial=0.0))
