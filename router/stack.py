"""Every strategy's folded pair side by side: predictions for a block of tasks in a few matrix products."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from router.blend import Shares, blend
from router.clusters import LabelArray, find_nearest
from router.errors import PredictorInputError
from router.fold import FoldedNetwork, FoldedPair
from router.horizon import START, Horizon, fade
from router.linear import ACCURACY, LOG_TOKENS, LinearHead
from router.platt import apply_platt, sigmoid
from router.token_scaling import scale_tokens

BLOCK_TASKS = 1024  # the hidden layer of a block stays in cache

FloatArray = NDArray[np.float32]


class Predictions(NamedTuple):
    """What each strategy is expected to do with each task."""

    accuracy: FloatArray  # (tasks, strategies), in (0, 1)
    output_tokens: FloatArray  # (tasks, strategies), expected, >= 0


class PredictorStack:
    """Serves several strategies' pairs at once, in the order given."""

    def __init__(self, pairs: Sequence[FoldedPair]) -> None:
        dimensions = {pair.dimension for pair in pairs}
        if len(dimensions) != 1:
            raise PredictorInputError(
                f"the pairs read embeddings of lengths {sorted(dimensions)}, a stack needs one length: "
                "train every strategy with the same encoder"
            )
        self.dimension = dimensions.pop()
        self.strategies = len(pairs)
        self._networks = _SideBySide([p.accuracy for p in pairs] + [p.tokens for p in pairs], self.dimension)
        self._smearing = np.array([p.smearing for p in pairs], dtype=np.float32)
        self._shares = Shares(*np.array([p.shares for p in pairs], dtype=np.float32).T)  # (strategies,) each
        self._linear = _Linear([p.linear for p in pairs])
        self._platt = np.array([p.platt for p in pairs], dtype=np.float32).T  # (2, strategies): scale, offset
        self._beyond = _Beyond([p.horizon for p in pairs])
        self._token_scaling = np.array([p.token_scaling for p in pairs], dtype=np.float32).T  # (2, strategies)
        self._partitions = _share_partitions(pairs)

    def predict(self, embeddings: FloatArray) -> Predictions:
        """Predictions for embeddings (tasks, d); PredictorInputError on another length or a NaN."""
        self._check(embeddings)
        predictions = Predictions(*np.empty((2, len(embeddings), self.strategies), dtype=np.float32))
        for start in range(0, len(embeddings), BLOCK_TASKS):
            block = slice(start, start + BLOCK_TASKS)
            self._predict_block(np.asarray(embeddings[block], dtype=np.float32), predictions, block)
        return predictions

    def _predict_block(self, embeddings: FloatArray, into: Predictions, block: slice) -> None:
        outputs = self._networks.evaluate(embeddings)  # (block, 2 * strategies)
        near, distance = self._look_up_clusters(embeddings)
        accuracy = sigmoid(outputs[:, : self.strategies])
        log_tokens = np.logaddexp(outputs[:, self.strategies :], np.float32(0))  # softplus
        tokens = np.maximum(self._smearing * np.exp(log_tokens) - 1, 0)
        linear = self._linear.evaluate(embeddings)
        calibrated = apply_platt(blend(self._shares, accuracy, linear[0], near[0]), *self._platt)
        into.accuracy[block] = self._beyond.fade(calibrated, embeddings, distance)
        blended = blend(self._shares, tokens, linear[1], near[1])
        into.output_tokens[block] = scale_tokens(blended, *self._token_scaling, log_limit=self._linear.log_limit)

    def _look_up_clusters(self, embeddings: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Means (2, block, strategies) of each task's clusters, and its distance (block, strategies) from them."""
        near = np.empty((2, len(embeddings), self.strategies), dtype=np.float32)
        distance = np.empty(near.shape[1:], dtype=np.float32)
        for partition in self._partitions:
            labels, apart = find_nearest(embeddings, partition.centroids)
            chosen = partition.look_up(labels)  # (block, partitions, 2, its strategies)
            near[:, :, partition.columns] = chosen.mean(axis=1).transpose(1, 0, 2)
            distance[:, partition.columns] = apart[:, np.newaxis]
        return near, distance

    def _check(self, embeddings: FloatArray) -> None:
        if embeddings.ndim != 2 or embeddings.shape[1] != self.dimension:
            raise PredictorInputError(
                f"embeddings have shape {embeddings.shape}, these predictors read (tasks, {self.dimension}): "
                "encode with the encoder that the predictors were trained on"
            )
        wrong = np.logical_not(np.isfinite(embeddings).all(axis=1))
        if wrong.any():
            raise PredictorInputError(
                f"the embedding of task {int(np.argmax(wrong))} of {len(wrong)} is not finite: encode the task again"
            )


class _SideBySide:
    """Several folded networks as one hidden layer and one block-diagonal output layer."""

    def __init__(self, networks: Sequence[FoldedNetwork], dimension: int) -> None:
        widths = [len(network.hidden_bias) for network in networks]
        ends = np.cumsum(widths)
        self._hidden_weight = np.concatenate([n.hidden_weight for n in networks]).T.copy()  # (d, total)
        self._hidden_bias = np.concatenate([n.hidden_bias for n in networks])
        self._output_weight = np.zeros((int(ends[-1]), len(networks)), dtype=np.float32)
        for column, (network, width, end) in enumerate(zip(networks, widths, ends, strict=True)):
            self._output_weight[end - width : end, column] = network.output_weight
        self._output_bias = np.array([n.output_bias for n in networks], dtype=np.float32)

    def evaluate(self, embeddings: FloatArray) -> FloatArray:
        hidden = embeddings @ self._hidden_weight
        hidden += self._hidden_bias
        np.maximum(hidden, 0, out=hidden)
        outputs: FloatArray = hidden @ self._output_weight + self._output_bias
        return outputs


class _Linear:
    """Several linear heads as one matrix."""

    def __init__(self, heads: Sequence[LinearHead]) -> None:
        self._weight = np.concatenate([head.weight[row] for row in (ACCURACY, LOG_TOKENS) for head in heads])
        self._weight = self._weight.reshape(2 * len(heads), -1).T.copy()  # (d, 2 * strategies)
        self._bias = np.array([head.bias[row] for row in (ACCURACY, LOG_TOKENS) for head in heads])
        self.log_limit = np.array([head.log_tokens_limit for head in heads], dtype=np.float32)
        self._smearing = np.array([head.smearing for head in heads], dtype=np.float32)

    def evaluate(self, embeddings: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Accuracies and output tokens (block, strategies)."""
        outputs = embeddings @ self._weight + self._bias
        accuracy, log_tokens = np.split(outputs, 2, axis=1)
        tokens = self._smearing * np.exp(np.clip(log_tokens, 0, self.log_limit)) - 1
        return np.clip(accuracy, 0, 1), np.maximum(tokens, 0)


class _Beyond:
    """Several horizons; a task that is near for all strategies costs a comparison."""

    def __init__(self, horizons: Sequence[Horizon]) -> None:
        self._weight = np.stack([horizon.weight for horizon in horizons], axis=1)  # (d, strategies)
        self._bias = np.array([horizon.bias for horizon in horizons], dtype=np.float32)
        self._spread = np.array([horizon.spread for horizon in horizons], dtype=np.float32)

    def fade(self, accuracy: FloatArray, embeddings: FloatArray, distance: FloatArray) -> FloatArray:
        """Accuracies (block, strategies), those of far tasks replaced."""
        far = np.flatnonzero((distance > START * self._spread).any(axis=1))
        if len(far):
            line = embeddings[far] @ self._weight + self._bias
            accuracy[far] = fade(accuracy[far], line, distance[far], self._spread)
        return accuracy


class _SharedPartition(NamedTuple):
    centroids: FloatArray  # (partitions, clusters, d)
    means: FloatArray  # (partitions * clusters, 2, columns): accuracy, output tokens
    columns: list[int]  # the strategies trained on exactly these centroids

    def look_up(self, labels: LabelArray) -> FloatArray:
        """The means (block, partitions, 2, columns) of each partition's cluster."""
        partitions, clusters, _ = self.centroids.shape
        return np.asarray(self.means.take(labels + np.arange(partitions) * clusters, axis=0))


def _share_partitions(pairs: Sequence[FoldedPair]) -> list[_SharedPartition]:
    """Strategies calibrated on the same tasks have equal centroids, looked up once for all of them."""
    columns_of: dict[tuple[tuple[int, ...], bytes], list[int]] = {}
    for column, pair in enumerate(pairs):
        centroids = pair.clusters.centroids
        columns_of.setdefault((centroids.shape, centroids.tobytes()), []).append(column)
    shared = []
    for columns in columns_of.values():
        clusters = [pairs[column].clusters for column in columns]
        means = np.stack([np.stack((c.accuracy, c.output_tokens), axis=-1) for c in clusters], axis=-1)
        shared.append(_SharedPartition(clusters[0].centroids, means.reshape(-1, *means.shape[2:]), columns))
    return shared
