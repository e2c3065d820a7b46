"""A strategy's training set: its outcomes up to a moment as arrays, read and encoded block by block."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine as Database

from db.answer_changes import find_change
from db.session import session_scope
from db.states import JobKind
from db.training_rows import TrainingRow, list_training_outcomes, read_rows
from router.training_weights import count_effective, weigh_outcomes
from worker.evidence import Evidence, Gathering
from worker.forecast import PromptShares
from worker.known_outcomes import CountedOnce
from worker.pool import PricedStrategy
from worker.progress import Progress, Stage, Watch
from worker.prompt_shares import PromptLengths
from worker.task_encoder import TaskEncoder
from worker.task_line import parse_task_line

LEAST_CELL_TASKS = 100  # that clusters can be made of
BLOCK_OUTCOMES = 512  # whose texts are held at a time

DoubleArray = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingSet:
    """What a pair is trained from."""

    vectors: NDArray[np.float32]  # (n, d)
    correct: DoubleArray  # (n,), NaN where nobody has said
    output_tokens: DoubleArray  # (n,)
    weight: DoubleArray  # (n,)
    cells: NDArray[np.float32] | None  # (m, d), tasks that nobody chose; None: all, or too few to be told apart by
    told_at: DoubleArray  # (n,) POSIX seconds: when the latest of each was known
    window: NDArray[np.int64]  # (n,) that it was routed in by choice; one of its own below 0 where nobody chose
    job: NDArray[np.int64]  # (n,)
    has_runs: bool  # whether any of these tasks was chosen for the strategy
    evidence: Evidence
    prompt_shares: PromptShares

    @property
    def graded(self) -> int:
        """How many outcomes have a label."""
        return int((~np.isnan(self.correct)).sum())


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingSource:
    """Where training sets come from: one moment for all of them."""

    database: Database
    encoder: TaskEncoder
    cutoff: datetime
    watch: Watch


def read_training_set(source: TrainingSource, *, priced: PricedStrategy, strategy_id: int) -> TrainingSet:
    """The strategy's outcomes before the cutoff, since it last changed: whenever it is read the same arrays.

    A strategy that was probed is judged on tasks that nobody chose until runs say more of it than those do.
    """
    columns = _read_columns(source, priced=priced, strategy_id=strategy_id, with_runs=True)
    if columns.evidence.probes and not columns.have_runs_to_tell_more:
        columns = _read_columns(source, priced=priced, strategy_id=strategy_id, with_runs=False)
    return TrainingSet(
        vectors=columns.vectors,
        correct=columns.correct,
        output_tokens=columns.output_tokens,
        weight=weigh_outcomes(columns.design, columns.propensity),
        cells=columns.cells,
        told_at=columns.told_at,
        window=columns.drawn_in,
        job=columns.job.astype(np.int64),
        has_runs=bool((~np.isnan(columns.propensity)).any()),
        evidence=columns.evidence,
        prompt_shares=columns.prompt_shares,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Columns:
    vectors: NDArray[np.float32]
    correct: DoubleArray
    output_tokens: DoubleArray
    design: DoubleArray  # what each would count for if nobody had chosen a task
    propensity: DoubleArray  # NaN where nobody did
    told_at: DoubleArray
    window: DoubleArray  # NaN where it was not routed here
    job: DoubleArray
    evidence: Evidence
    prompt_shares: PromptShares

    @property
    def cells(self) -> NDArray[np.float32] | None:
        unchosen = np.isnan(self.propensity)
        return self.vectors[unchosen] if LEAST_CELL_TASKS <= unchosen.sum() < len(unchosen) else None

    @property
    def drawn_in(self) -> NDArray[np.int64]:
        """(outcomes,) the window of each; a number of its own, below 0, for what no router drew."""
        numbers = -1 - np.arange(len(self.window))
        drawn = ~np.isnan(self.propensity) & ~np.isnan(self.window)
        numbers[drawn] = self.window[drawn].astype(np.int64)
        return numbers

    @property
    def have_runs_to_tell_more(self) -> bool:
        graded, chosen = ~np.isnan(self.correct), ~np.isnan(self.propensity)
        weight = weigh_outcomes(self.design, self.propensity)[graded & chosen]
        return bool(len(weight)) and count_effective(weight) >= (graded & ~chosen).sum()


def _read_columns(source: TrainingSource, *, priced: PricedStrategy, strategy_id: int, with_runs: bool) -> _Columns:
    gathering, lengths = Gathering(), PromptLengths(priced)
    vectors = [np.empty((0, source.encoder.dimension), dtype=np.float32)]
    numbers = [np.empty((0, 7))]
    for rows in _read_blocks(source, strategy_id=strategy_id, with_runs=with_runs):
        vectors.append(source.encoder.encode([parse_task_line(row.payload).embedded_text for row in rows]))
        numbers.append(np.array([_list_numbers(row) for row in rows]))
        lengths.add(rows)
        for row in rows:
            gathering.add(row)
    correct, output_tokens, design, propensity, told_at, window, job = np.concatenate(numbers).T
    return _Columns(
        vectors=np.concatenate(vectors),
        correct=correct,
        output_tokens=output_tokens,
        design=design,
        propensity=propensity,
        told_at=told_at,
        window=window,
        job=job,
        evidence=gathering.end(cutoff=source.cutoff),
        prompt_shares=lengths.shares,
    )


def _read_blocks(source: TrainingSource, *, strategy_id: int, with_runs: bool) -> Iterator[Sequence[TrainingRow]]:
    """Rows that count, some hundreds at a time. No transaction stays open between: the server breaks off idle ones."""
    once = CountedOnce()
    with session_scope(source.database) as session:
        change = find_change(session, strategy_id=strategy_id, cutoff=source.cutoff)
        since = None if change is None else change.began_at
        outcomes = list_training_outcomes(
            session, strategy_id=strategy_id, cutoff=source.cutoff, since=since, with_runs=with_runs
        )
    for start in range(0, len(outcomes), BLOCK_OUTCOMES):
        source.watch(Progress(stage=Stage.ENCODING, done=start, total=len(outcomes)))
        with session_scope(source.database) as session:
            block = read_rows(session, outcomes=outcomes[start : start + BLOCK_OUTCOMES], cutoff=source.cutoff)
        if rows := [row for row in block if once.admit(row)]:
            yield rows
    source.watch(Progress(stage=Stage.ENCODING, done=len(outcomes), total=len(outcomes)))


def _list_numbers(row: TrainingRow) -> tuple[float, ...]:
    propensity = row.propensity if row.kind is JobKind.RUN and row.propensity is not None else math.nan
    window = math.nan if row.window_id is None else row.window_id
    return row.correct, row.output_tokens, row.weight, propensity, row.told_at.timestamp(), window, row.job_id
