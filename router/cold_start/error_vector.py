"""UniRoute's first form: a strategy is the vector of its mean errors in the clusters of past tasks.

Jitkrittum et al. 2025 (UniRoute, arXiv 2502.08773), section 5.1, with several partitions instead of one and the means
of clusters with few probes pulled to the strategy's overall mean.
"""

import numpy as np

from router.clusters import assign_clusters, look_up_means, partition_tasks, shrunken_means
from router.cold_start.placement import DoubleArray, FloatArray, Place, Predict, Probes

PRIOR_PROBES = 4.0  # a cluster's mean is pulled to the overall mean by this many probes
PARTITIONS = 8
LEAST_CLUSTERS, MOST_CLUSTERS = 4, 32


def learn_clusters(embeddings: FloatArray, *, probes: int, seed: int) -> Place:
    """Clusters of past tasks (n, d), about as many as the square root of the probes; no outcome is looked at."""
    centroids = partition_past(embeddings, probes=probes, seed=seed)

    def place(given: Probes) -> Predict:
        means = average_near(centroids, given, given.correct)
        return lambda tasks: np.asarray(look_up_means(means, assign_clusters(tasks, centroids)), dtype=np.float64)

    return place


def partition_past(embeddings: FloatArray, *, probes: int, seed: int) -> FloatArray:
    """The centroids (partitions, clusters, d) of past tasks (n, d) for a strategy with this many probes."""
    clusters = round(min(max(np.sqrt(probes), LEAST_CLUSTERS), MOST_CLUSTERS, len(embeddings)))
    return partition_tasks(embeddings, clusters=clusters, restarts=PARTITIONS, seed=seed).centroids


def average_near(centroids: FloatArray, given: Probes, values: DoubleArray) -> DoubleArray:
    """The probes' mean value in each cluster, (partitions, clusters), pulled to the mean of all."""
    labels = assign_clusters(given.embeddings, centroids)
    return np.asarray(shrunken_means(labels, values, given.weight, clusters=centroids.shape[1], prior=PRIOR_PROBES))
