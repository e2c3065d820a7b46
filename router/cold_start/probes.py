"""Which tasks to ask a new strategy first."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from router.clusters import partition_tasks
from router.cold_start.placement import FloatArray


@dataclass(frozen=True, kw_only=True, eq=False)
class ProbeSet:
    """Chosen tasks, and how many tasks each stands for."""

    rows: NDArray[np.intp]  # (probes,)
    weight: NDArray[np.float64]  # (probes,), mean 1


def cover_tasks(embeddings: FloatArray, *, count: int, seed: int) -> ProbeSet:
    """As many clusters of the tasks (n, d) as probes are wanted; the task nearest to its centre stands for each.

    Fewer probes than asked for when texts repeat or tasks are few.
    """
    centroids, labels = partition_tasks(embeddings, clusters=min(count, len(embeddings)), restarts=1, seed=seed)
    label = labels[:, 0]
    distance = np.square(embeddings - centroids[0][label]).sum(axis=1)
    nearest_first = np.lexsort((distance, label))
    found, first, size = np.unique(label[nearest_first], return_index=True, return_counts=True)
    return ProbeSet(rows=nearest_first[first], weight=size.astype(np.float64) * len(found) / len(embeddings))
