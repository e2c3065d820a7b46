"""What the pool's outcomes say of tasks before a new strategy has answered any."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice

import numpy as np
from sqlalchemy.orm import Session

from db.states import JobKind
from db.training_rows import TrainingRow, read_graded_rows
from router.cold_start.common_tasks import find_common_tasks
from router.cold_start.pool_past import KnownOutcomes, PoolPast
from worker.task_line import identify_task
from worker.task_vectors import TaskVectors

MOST_PAST_TASKS = 4096  # clusters and item response models gain nothing from more, and each has to be encoded


PoolRows = Mapping[int, Sequence[TrainingRow]]  # by strategy


def read_pool_rows(session: Session, *, strategy_ids: Sequence[int], cutoff: datetime | None = None) -> PoolRows:
    """The graded outcomes of every strategy up to the cutoff, on tasks that nobody chose, each task once."""
    return {key: count_once(read_graded_rows(session, strategy_id=key, cutoff=cutoff)) for key in strategy_ids}


def list_others(rows: PoolRows, *, strategy_id: int) -> list[Sequence[TrainingRow]]:
    """Those of the other strategies; one that answers alike, and so has the same outcomes, is no other."""
    return [other for other in rows.values() if other != rows[strategy_id]]


def count_once(rows: Iterable[TrainingRow]) -> list[TrainingRow]:
    """The rows, calibrations first, without probes of tasks that a calibration or an earlier probe has too."""
    once = CountedOnce()
    return [row for row in rows if once.admit(row)]


class CountedOnce:
    """Who counts of rows that come and go, calibrations first.

    A calibration asks every task of a file, so that none of them stands for others.
    """

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def admit(self, row: TrainingRow) -> bool:
        """Whether it counts: a probe does where no row before it was of its task."""
        if row.kind is JobKind.RUN:
            return True
        task = identify_task(row.payload)
        is_new = task not in self._seen
        self._seen.add(task)
        return is_new or row.kind is not JobKind.PROBE


def gather_past(
    others: Sequence[Sequence[TrainingRow]], *, least: int, spare: Sequence[str], vectors: TaskVectors
) -> PoolPast:
    """Tasks that the other strategies were asked, and their outcomes where enough of them answered the same.

    Where these are fewer than `least` tasks, the `spare` payloads count as past tasks too.
    """
    identities = _Identities()
    answered = [{identities.of(row.payload): row for row in rows} for rows in others]
    tasks: set[str] = set().union(*answered)
    if len(tasks) < least:
        tasks |= {identities.of(payload) for payload in spare}
    return PoolPast(
        tasks=vectors.of([identities.payloads[task] for task in _sample(tasks)]),
        outcomes=_tabulate(answered, identities.payloads, vectors=vectors),
    )


class _Identities:
    """Which tasks payloads are of; a payload that many strategies answered is looked at once."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self.payloads: dict[str, str] = {}  # by task

    def of(self, payload: str) -> str:
        if payload not in self._known:
            self._known[payload] = identify_task(payload)
            self.payloads.setdefault(self._known[payload], payload)
        return self._known[payload]


def _tabulate(
    answered: Sequence[Mapping[str, TrainingRow]], payloads: Mapping[str, str], *, vectors: TaskVectors
) -> KnownOutcomes | None:
    common = find_common_tasks(answered)
    if common is None:
        return None
    tasks = _sample(set(common.tasks))
    table = [[answered[strategy][task] for strategy in common.strategies] for task in tasks]
    return KnownOutcomes(
        vectors.of([payloads[task] for task in tasks]),
        np.array([[row.correct for row in line] for line in table]),
        np.array([[row.output_tokens for row in line] for line in table], dtype=np.float64),
    )


def _sample(tasks: set[str]) -> list[str]:
    """Their digests are in no order, so the first ones are drawn fairly."""
    return list(islice(sorted(tasks), MOST_PAST_TASKS))
