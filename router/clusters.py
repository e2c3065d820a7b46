"""Means of past outcomes near a task: several K-means partitions of the training tasks."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

LLOYD_ITERATIONS = 25
PARTITIONED_ROWS = 4096  # K-means of more rows costs seconds and moves the centroids little

FloatArray = NDArray[np.float32]
LabelArray = NDArray[np.intp]


@dataclass(frozen=True, kw_only=True)
class ClusterMeans:
    """Mean accuracy and output tokens of one strategy's outcomes in each cluster of each partition."""

    centroids: FloatArray  # (partitions, clusters, d)
    accuracy: FloatArray  # (partitions, clusters)
    output_tokens: FloatArray  # (partitions, clusters)


class Partitions(NamedTuple):
    """Several ways to divide the training tasks."""

    centroids: FloatArray  # (partitions, clusters, d)
    labels: LabelArray  # (n, partitions)


def partition_tasks(embeddings: FloatArray, *, clusters: int, restarts: int, seed: int) -> Partitions:
    """Independent K-means runs; label-free, so the same for every strategy."""
    import torch  # which training keeps to one thread; serving needs none

    generator = np.random.default_rng(seed)
    tasks = torch.from_numpy(embeddings)
    sample = tasks[:PARTITIONED_ROWS]
    centroids = [_lloyd(sample, _spread_seeds(sample, clusters, generator)) for _ in range(restarts)]
    labels = [_nearest(tasks, own) for own in centroids]
    return Partitions(torch.stack(centroids).numpy(), torch.stack(labels, dim=1).numpy())


class Nearest(NamedTuple):
    """Where tasks lie among the clusters of several partitions."""

    labels: LabelArray  # (n, partitions), the nearest centroid's
    distance: FloatArray  # (n,), squared, from it; the mean over partitions


def find_nearest(embeddings: FloatArray, centroids: FloatArray) -> Nearest:
    """The nearest centroids (partitions, clusters, d) of tasks (n, d)."""
    partitions, clusters, dimension = centroids.shape
    flat = centroids.reshape(-1, dimension)
    closeness = embeddings @ flat.T
    closeness -= 0.5 * np.einsum("cd,cd->c", flat, flat)
    by_partition = closeness.reshape(-1, partitions, clusters)
    labels = by_partition.argmax(axis=2)
    closest = np.take_along_axis(by_partition, labels[:, :, np.newaxis], axis=2)[:, :, 0].mean(axis=1)
    squares = np.einsum("nd,nd->n", embeddings, embeddings)
    return Nearest(np.asarray(labels), np.maximum(squares - 2 * closest, 0))


def assign_clusters(embeddings: FloatArray, centroids: FloatArray) -> LabelArray:
    """The nearest centroid of every partition, (n, partitions)."""
    return find_nearest(embeddings, centroids).labels


def shrunken_means(
    labels: LabelArray, values: NDArray[np.float64], weight: NDArray[np.float64], *, clusters: int, prior: float
) -> NDArray[np.float64]:
    """Weighted mean of values (n,) per partition and cluster, pulled to the overall mean by `prior` outcomes."""
    overall = np.average(values, weights=weight)
    partitions = labels.shape[1]
    slots = (labels + np.arange(partitions) * clusters).ravel()
    weights = np.repeat(weight, partitions)
    mass = np.bincount(slots, weights=weights, minlength=partitions * clusters)
    total = np.bincount(slots, weights=weights * np.repeat(values, partitions), minlength=partitions * clusters)
    return np.asarray((total + prior * overall) / (mass + prior)).reshape(partitions, clusters)


def look_up_means(means: NDArray[np.floating], labels: LabelArray) -> NDArray[np.floating]:
    """Average over partitions of each row's cluster mean, (n,)."""
    return np.asarray(means[np.arange(labels.shape[1]), labels].mean(axis=1))


def _spread_seeds(tasks: "torch.Tensor", clusters: int, generator: np.random.Generator) -> "torch.Tensor":
    """K-means++ (Arthur and Vassilvitskii 2007): each seed is drawn by squared distance to those before it."""
    squares = tasks.square().sum(dim=1)
    chosen = [int(generator.integers(len(tasks)))]
    distance = _squared_distance(tasks, squares, chosen[0])
    for _ in range(clusters - 1):
        share = distance / distance.sum() if distance.sum() > 0 else None
        chosen.append(int(generator.choice(len(tasks), p=share)))
        distance = np.minimum(distance, _squared_distance(tasks, squares, chosen[-1]))
    return tasks[chosen]


def _squared_distance(tasks: "torch.Tensor", squares: "torch.Tensor", chosen: int) -> NDArray[np.float64]:
    distance = (squares - 2 * (tasks @ tasks[chosen]) + squares[chosen]).clamp_(min=0)
    return distance.numpy().astype(np.float64)


def _lloyd(tasks: "torch.Tensor", centroids: "torch.Tensor") -> "torch.Tensor":
    labels = _nearest(tasks, centroids)
    for _ in range(LLOYD_ITERATIONS):
        counts = labels.bincount(minlength=len(centroids))
        totals = centroids.new_zeros(centroids.shape).index_add_(0, labels, tasks)
        centroids = (totals / counts[:, None]).where(counts[:, None] > 0, centroids)  # an empty cluster keeps its place
        moved = _nearest(tasks, centroids)
        if moved.equal(labels):
            break
        labels = moved
    return centroids


def _nearest(tasks: "torch.Tensor", centroids: "torch.Tensor") -> "torch.Tensor":
    return (tasks @ centroids.T - 0.5 * centroids.square().sum(dim=1)).argmax(dim=1)
