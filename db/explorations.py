"""Explorations: with what chances a window's tasks got their strategies, kept as they were drawn."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Row, insert, select, text
from sqlalchemy.orm import Session

from db.chances import STORED, write_chances
from db.jobs import read_job
from db.tables import ExplorationRow, WindowRow
from db.windows import HeldWindow

NOBODY = -1  # the column of a task that got no strategy


@dataclass(frozen=True, kw_only=True, eq=False)
class NewExploration:
    """How a window explored; arrays have a row for each of its tasks, columns for its job's strategies."""

    best: NDArray[np.int64]  # (tasks,) what the optimiser chose, NOBODY for none
    intended: NDArray[np.int64]  # (tasks,) what was drawn
    propensity: NDArray[np.float32]  # (tasks, strategies)
    set_aside: int  # quanta; what exploring was allowed to cost at its worst, in the mean over the draws
    accuracy_given_up: float  # right answers; this and the next ones in the mean over the draws
    extra_cost: float  # quanta
    worst_extra_cost: float  # quanta


class Draw(NamedTuple):
    """With what chances one task got its strategy, whatever became of it later."""

    seq: int
    best: int  # strategies, by id
    intended: int
    propensity: dict[int, float]  # of each strategy that could have been drawn


class ExplorationCounts(NamedTuple):
    """What exploring comes to, over windows that explored."""

    tasks: int  # of these windows
    explored: int  # of these, drawn to another strategy than their best
    spent: int  # quanta that explored tasks cost so far
    accuracy_given_up: float  # right answers; this and the next ones in the mean over the draws, as predicted
    extra_cost: float  # quanta
    worst_extra_cost: float  # quanta
    set_aside: int  # quanta


def store_exploration(session: Session, *, window: HeldWindow, tenant_id: str, exploration: NewExploration) -> None:
    """Store how the window explored; ValueError unless it has a row for each task and columns for its job's strategies.

    The window's groups have the chances of their members besides.
    """
    tasks, strategies = len(window.seqs), len(read_job(session, job_id=window.job_id).strategy_ids)
    if exploration.propensity.shape != (tasks, strategies):
        raise ValueError(
            f"the chances of window {window.id} are {exploration.propensity.shape}, not {(tasks, strategies)}"
        )
    strayed = exploration.intended != exploration.best
    row = insert(ExplorationRow).values(
        window_id=window.id,
        tenant_id=tenant_id,
        job_id=window.job_id,
        lo=min(window.seqs),
        hi=max(window.seqs) + 1,
        best=exploration.best.astype("<i2").tobytes(),
        intended=exploration.intended.astype("<i2").tobytes(),
        propensity=write_chances(exploration.propensity),
        explored=np.asarray(window.seqs)[strayed].tolist(),
        set_aside=exploration.set_aside,
        accuracy_given_up=exploration.accuracy_given_up,
        extra_cost=exploration.extra_cost,
        worst_extra_cost=exploration.worst_extra_cost,
    )
    session.execute(row)


def iterate_draws(session: Session, *, job_id: int, lo: int = 0, hi: int | None = None) -> Iterator[Draw]:
    """The draws of the job's tasks (of lo..hi-1), in order; tasks that have none had no other chance."""
    strategy_ids = list(read_job(session, job_id=job_id).strategy_ids)
    query = select(*_COLUMNS).join(WindowRow, WindowRow.id == ExplorationRow.window_id)
    query = query.where(ExplorationRow.job_id == job_id, ExplorationRow.hi > lo).order_by(ExplorationRow.lo)
    if hi is not None:
        query = query.where(ExplorationRow.lo < hi)
    for row in session.execute(query, execution_options={"yield_per": 1}):
        for draw in _list_draws(row, strategy_ids):
            if draw.seq >= lo and (hi is None or draw.seq < hi):
                yield draw


_COLUMNS = (ExplorationRow.best, ExplorationRow.intended, ExplorationRow.propensity, WindowRow.seqs)


def _list_draws(row: Row[bytes, bytes, bytes, list[int]], strategy_ids: list[int]) -> Iterator[Draw]:
    best, intended = (np.frombuffer(column, "<i2").tolist() for column in (row.best, row.intended))
    propensity = np.frombuffer(row.propensity, STORED).reshape(len(best), -1).tolist()
    for seq, own_best, own_intended, chances in zip(row.seqs, best, intended, propensity, strict=True):
        if own_best != NOBODY:
            likely = {strategy_ids[column]: chance for column, chance in enumerate(chances) if chance}
            yield Draw(seq, strategy_ids[own_best], strategy_ids[own_intended], likely)


_COUNT = """
    SELECT coalesce(sum(octet_length(best) / 2), 0)::bigint AS tasks,
           coalesce(sum(cardinality(explored)), 0)::bigint AS explored,
           coalesce(sum(paid.spent), 0)::text AS spent,
           coalesce(sum(accuracy_given_up), 0)::float8 AS accuracy_given_up,
           coalesce(sum(extra_cost), 0)::float8 AS extra_cost,
           coalesce(sum(worst_extra_cost), 0)::float8 AS worst_extra_cost,
           coalesce(sum(set_aside), 0)::text AS set_aside
    FROM exploration
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(cost), 0) AS spent FROM outcome
        WHERE outcome.job_id = exploration.job_id AND arm = 0 AND seq = ANY (explored)
    ) AS paid
"""
_COUNT_OF_JOB = text(f"{_COUNT} WHERE exploration.job_id = :job_id")


def count_explored(session: Session, *, job_id: int) -> ExplorationCounts:
    """What exploring comes to in one job."""
    return _counts(session.execute(_COUNT_OF_JOB, {"job_id": job_id}).one())


def _counts(row: Row[Any]) -> ExplorationCounts:
    return ExplorationCounts(**{**row._mapping, "spent": int(row.spent), "set_aside": int(row.set_aside)})
