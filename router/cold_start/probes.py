"""Which tasks to ask a new strategy first."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from router.clusters import assign_clusters, partition_tasks
from router.cold_start.placement import FloatArray


@dataclass(frozen=True, kw_only=True, eq=False)
class ProbeSet:
    """Chosen tasks, and how much each counts.

    A probe stands for the tasks that are nearer to it than to other probes, and counts as the square root of their
    number: their number itself is fair and makes means noisy, 1 is neither (docs/log.md).
    """

    rows: NDArray[np.intp]  # (probes,)
    weight: NDArray[np.float64]  # (probes,), where 1 is the mean of probes that cover the tasks


def cover_tasks(embeddings: FloatArray, *, count: int, seed: int) -> ProbeSet:
    """As many clusters of the tasks (n, d) as probes are wanted; the task nearest to its centre stands for each.

    All distinct tasks where they are fewer than the probes asked for.
    """
    order = np.random.default_rng(seed).permutation(len(embeddings))  # clusters are made of the first few thousand
    tasks = embeddings[order]
    centroids, labels = partition_tasks(tasks, clusters=min(count, len(tasks)), restarts=1, seed=seed)
    label = labels[:, 0]
    distance = np.square(tasks - centroids[0][label]).sum(axis=1)
    nearest_first = np.lexsort((distance, label))
    rows = nearest_first[np.unique(label[nearest_first], return_index=True)[1]]
    rows = order[_fill_up(tasks, rows, count=count)]
    size = _count_nearest(embeddings, rows)
    return ProbeSet(rows=rows, weight=np.sqrt(size) / np.sqrt(size).mean())


def add_probes(embeddings: FloatArray, cover: ProbeSet, rows: NDArray[np.intp]) -> ProbeSet:
    """Further tasks (probes,) beside those that cover the tasks (n, d), on the same scale; crowded ones count less."""
    size = _count_nearest(embeddings, np.concatenate((cover.rows, rows)))[len(cover.rows) :]
    return ProbeSet(rows=rows, weight=np.sqrt(size) / np.sqrt(_count_nearest(embeddings, cover.rows)).mean())


def _count_nearest(tasks: FloatArray, rows: NDArray[np.intp]) -> NDArray[np.intp]:
    nearest = assign_clusters(tasks, tasks[rows][np.newaxis])[:, 0]
    nearest[rows] = np.arange(len(rows))  # even where another probe is the same but for rounding
    return np.bincount(nearest, minlength=len(rows))


def _fill_up(tasks: FloatArray, rows: NDArray[np.intp], *, count: int) -> NDArray[np.intp]:
    """Clusters that ended empty have no probe: the tasks farthest from all others' take their place."""
    if len(rows) >= count:
        return rows
    chosen = rows.tolist()
    distance = np.min([np.square(tasks - tasks[row]).sum(axis=1) for row in chosen], axis=0)
    while len(chosen) < count and distance.max() > 0:
        chosen.append(int(distance.argmax()))
        distance = np.minimum(distance, np.square(tasks - tasks[chosen[-1]]).sum(axis=1))
    return np.array(chosen, dtype=np.intp)
