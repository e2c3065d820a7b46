"""UniRoute's second form: how much a task belongs to each cluster is learned from strategies already known.

Jitkrittum et al. 2025 (UniRoute, arXiv 2502.08773), section 5.2: a softmax over clusters, linear in the embedding, such
that the strategies' error vectors weighted by it predict their outcomes.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from router.clusters import assign_clusters, partition_tasks, shrunken_means
from router.cold_start.placement import DoubleArray, FloatArray, Place, Predict, Probes

CLUSTERS = 16
PRIOR_PROBES = 4.0
STEPS, LEARNING_RATE, WEIGHT_DECAY = 200, 0.02, 0.01
SHARPNESS = 20.0  # the softmax starts as a soft nearest centroid: its logits are this times the closeness


def learn_cluster_map(embeddings: FloatArray, correct: DoubleArray, *, seed: int) -> Place:
    """Trained on past tasks (n, d) and what the known strategies did with them (n, strategies)."""
    clusters = min(CLUSTERS, len(embeddings))
    centroids, labels = partition_tasks(embeddings, clusters=clusters, restarts=1, seed=seed)
    weight = np.ones(len(labels))
    vectors = [_vector(labels, column, weight, clusters) for column in correct.T]
    matrix, bias = _train_map(embeddings, correct, np.stack(vectors, axis=1), centroids[0])

    def place(given: Probes) -> Predict:
        vector = _vector(assign_clusters(given.embeddings, centroids), given.correct, given.weight, clusters)
        return lambda tasks: np.asarray(_softmax(tasks.astype(np.float64) @ matrix + bias) @ vector)

    return place


def _vector(labels: NDArray[np.intp], correct: DoubleArray, weight: DoubleArray, clusters: int) -> DoubleArray:
    return np.asarray(shrunken_means(labels, correct, weight, clusters=clusters, prior=PRIOR_PROBES)[0])


def _train_map(
    embeddings: FloatArray, correct: DoubleArray, vectors: DoubleArray, centroids: FloatArray
) -> tuple[DoubleArray, DoubleArray]:
    tasks, target = torch.from_numpy(embeddings), torch.from_numpy(correct.astype(np.float32))
    means = torch.from_numpy(vectors.astype(np.float32))  # (clusters, strategies)
    matrix = torch.tensor(SHARPNESS * centroids.T, requires_grad=True)  # (d, clusters)
    bias = torch.tensor(-0.5 * SHARPNESS * np.square(centroids).sum(axis=1), requires_grad=True)
    optimiser = torch.optim.AdamW([matrix, bias], lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    for _ in range(STEPS):
        expected = torch.softmax(tasks @ matrix + bias, dim=1) @ means
        loss = torch.nn.functional.binary_cross_entropy(expected, target)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves Tensor.backward untyped
        optimiser.step()
    return matrix.detach().numpy().astype(np.float64), bias.detach().numpy().astype(np.float64)


def _softmax(logits: DoubleArray) -> DoubleArray:
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))
