"""Means of past outcomes near a task: several K-means partitions of the training tasks."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LLOYD_ITERATIONS = 25

FloatArray = NDArray[np.float32]
LabelArray = NDArray[np.intp]


@dataclass(frozen=True, kw_only=True)
class ClusterMeans:
    """Mean accuracy and output tokens of one strategy's outcomes in each cluster of each partition."""

    centroids: FloatArray  # (partitions, clusters, d)
    accuracy: FloatArray  # (partitions, clusters)
    output_tokens: FloatArray  # (partitions, clusters)


def partition_tasks(embeddings: FloatArray, *, clusters: int, restarts: int, seed: int) -> FloatArray:
    """Centroids (restarts, clusters, d) of independent K-means runs; label-free, so the same for every strategy."""
    generator = np.random.default_rng(seed)
    return np.stack([_lloyd(embeddings, _spread_seeds(embeddings, clusters, generator)) for _ in range(restarts)])


def assign_clusters(embeddings: FloatArray, centroids: FloatArray) -> LabelArray:
    """The nearest centroid of every partition, (n, partitions)."""
    partitions, clusters, dimension = centroids.shape
    flat = centroids.reshape(-1, dimension)
    closeness = embeddings @ flat.T - 0.5 * np.einsum("cd,cd->c", flat, flat)
    return np.asarray(closeness.reshape(-1, partitions, clusters).argmax(axis=2))


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


def _spread_seeds(embeddings: FloatArray, clusters: int, generator: np.random.Generator) -> FloatArray:
    """K-means++ (Arthur and Vassilvitskii 2007): each seed is drawn by squared distance to those before it."""
    seeds = [embeddings[generator.integers(len(embeddings))]]
    distance = np.square(embeddings - seeds[0]).sum(axis=1, dtype=np.float64)
    for _ in range(clusters - 1):
        share = distance / distance.sum() if distance.sum() > 0 else None
        seeds.append(embeddings[generator.choice(len(embeddings), p=share)])
        distance = np.minimum(distance, np.square(embeddings - seeds[-1]).sum(axis=1, dtype=np.float64))
    return np.stack(seeds)


def _lloyd(embeddings: FloatArray, centroids: FloatArray) -> FloatArray:
    labels = assign_clusters(embeddings, centroids[None])[:, 0]
    for _ in range(LLOYD_ITERATIONS):
        members = (labels[:, None] == np.arange(len(centroids))).astype(np.float32)  # (n, clusters)
        counts = members.sum(axis=0)
        filled = counts > 0  # an empty cluster keeps its place
        centroids = centroids.copy()
        centroids[filled] = (members.T @ embeddings)[filled] / counts[filled, None]
        moved = assign_clusters(embeddings, centroids[None])[:, 0]
        if np.array_equal(moved, labels):
            break
        labels = moved
    return centroids
