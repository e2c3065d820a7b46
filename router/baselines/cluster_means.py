"""Mean outcomes of the tasks in the same K-means cluster, averaged over a few restarts."""

import numpy as np

from router.baselines.outcomes import Cells, Estimates, Outcomes, Predict, Tasks, join
from router.clusters import assign_clusters, partition_tasks, shrunken_means

CLUSTERS, RESTARTS = 32, 3
PRIOR_OUTCOMES = 4.0  # a cluster's mean is pulled to the overall mean by this many outcomes


def fit_cluster_means(train: Outcomes, validation: Outcomes, seed: int) -> Predict:
    """Cluster means over all outcomes."""
    seen = join(train, validation)
    clusters = min(CLUSTERS, max(len(seen.embeddings) // 4, 1))
    centroids, labels = partition_tasks(seen.embeddings, clusters=clusters, restarts=RESTARTS, seed=seed)
    weight = np.ones(len(labels))

    def tabulate(cells: Cells) -> Cells:
        columns = [
            shrunken_means(labels, column, weight, clusters=clusters, prior=PRIOR_OUTCOMES) for column in cells.T
        ]
        return np.stack(columns, axis=2)  # (restarts, clusters, strategies)

    accuracy, cost = tabulate(seen.correct), tabulate(seen.cost)

    def predict(tasks: Tasks) -> Estimates:
        near = assign_clusters(tasks.embeddings, centroids)  # (m, restarts)
        restart = np.arange(RESTARTS)
        return Estimates(accuracy[restart, near].mean(axis=1), cost[restart, near].mean(axis=1))

    return predict
