"""What is predicted when outcomes are too few or one-sided to learn from: their means."""

import math

import numpy as np

from router.clusters import ClusterMeans
from router.outcome_rows import OutcomeRows


def shrunken_accuracy(rows: OutcomeRows) -> float:
    """Mean correctness with one right and one wrong outcome added (Laplace), so never 0 or 1."""
    return float((rows.weight @ rows.correct + 1) / (len(rows) + 2))


def mean_output_tokens(rows: OutcomeRows) -> float:
    """Mean output tokens of the strategy's outcomes."""
    return float(np.average(rows.output_tokens, weights=rows.weight))


def constant_clusters(rows: OutcomeRows) -> ClusterMeans:
    """One cluster that holds every task."""
    return ClusterMeans(
        centroids=np.zeros((1, 1, rows.embeddings.shape[1]), dtype=np.float32),
        accuracy=np.full((1, 1), shrunken_accuracy(rows.take_graded()), dtype=np.float32),
        output_tokens=np.full((1, 1), mean_output_tokens(rows), dtype=np.float32),
    )


def constant_log_odds(rows: OutcomeRows) -> float:
    """The log-odds of the strategy's mean accuracy."""
    accuracy = shrunken_accuracy(rows)
    return math.log(accuracy / (1 - accuracy))


def inverse_softplus(value: float) -> float:
    """What softplus maps to `value`, for value > 0."""
    return value + math.log(-math.expm1(-max(value, 1e-6)))
