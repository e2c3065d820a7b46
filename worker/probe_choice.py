"""Which tasks of a graded file a new strategy is asked."""

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from db.tasks import NewTask
from router.cold_start.item_response import ItemResponse
from router.cold_start.placement import FloatArray, Probes
from router.cold_start.probes import ProbeSet, add_probes, cover_tasks
from worker.errors import NothingToProbe
from worker.forecast import measure_demand
from worker.pool import ServingPool
from worker.task_line import identify_task, parse_task_line
from worker.task_vectors import TaskVectors


class ProbeChoice:
    """The file's tasks that the strategy can serve, and the probes among them, by their rows."""

    def __init__(self, tasks: Sequence[NewTask], *, pool: ServingPool, vectors: TaskVectors) -> None:
        demand = measure_demand([parse_task_line(task.payload) for task in tasks], pool.strategies)
        self.tasks = [task for task, able in zip(tasks, demand.eligible[:, 0], strict=True) if able]
        if not self.tasks:
            raise NothingToProbe(f"{pool.names[0]} can serve none of the {len(tasks):,} graded tasks of the file")
        self._vectors = vectors

    @cached_property
    def embeddings(self) -> FloatArray:
        """Vectors (tasks, d)."""
        return self._vectors.of([task.payload for task in self.tasks])

    @cached_property
    def identities(self) -> Sequence[str]:
        """What tells the tasks apart from those of other files."""
        return [identify_task(task.payload) for task in self.tasks]

    @property
    def distinct_tasks(self) -> int:
        """How many the encoder can tell apart."""
        return len({row.tobytes() for row in self.embeddings})

    def cover(self, *, count: int, seed: int) -> ProbeSet:
        """Probes that stand for all of the tasks."""
        return cover_tasks(self.embeddings, count=count, seed=seed)

    def choose_informative(
        self, model: ItemResponse, cover: ProbeSet, *, count: int, correct: Mapping[str, float]
    ) -> ProbeSet:
        """Further probes, which say most about the ability of a strategy that did so well with those before."""
        graded = np.array([self.identities[row] in correct for row in cover.rows], dtype=bool)
        rows = cover.rows[graded]
        grades = np.array([correct[self.identities[row]] for row in rows], dtype=np.float64)
        rest = self._list_other_texts(cover.rows)
        given = Probes(self.embeddings[rows], grades, cover.weight[graded])
        chosen = rest[model.choose_informative(self.embeddings[rest], given, count=count)]
        return add_probes(self.embeddings, cover, chosen)

    def _list_other_texts(self, rows: NDArray[np.intp]) -> NDArray[np.intp]:
        """One row of each distinct vector that none of these rows has."""
        first: dict[bytes, int] = {}
        for number, row in enumerate(self.embeddings):
            first.setdefault(row.tobytes(), number)
        taken = {self.embeddings[row].tobytes() for row in rows}
        return np.array([number for key, number in first.items() if key not in taken], dtype=np.intp)
