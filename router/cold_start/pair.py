"""A strategy's first pair: placed by its probes among the pool's past tasks, served like any other folded pair.

The error vector is the pair's cluster means. An item response placement has log-odds that are linear in the task's
vector, which two rectified units express exactly: z = relu(z) - relu(-z). Half of each decides better than either
(docs/log.md). Where the pool's strategies have answered enough of the probes too, a pair is taught half imputed
outcomes, half error vector instead.
"""

import numpy as np
from numpy.typing import NDArray

from router.blend import Shares, blend
from router.clusters import ClusterMeans, assign_clusters, look_up_means
from router.cold_start.error_vector import average_near, partition_past
from router.cold_start.imputed_pair import train_imputed
from router.cold_start.item_response import Line, learn_item_response
from router.cold_start.placement import DoubleArray, FloatArray, Probes
from router.cold_start.pool_past import KnownOutcomes, PlacedPair, PoolPast
from router.constant import constant_clusters, shrunken_accuracy
from router.figures import Fallback
from router.fold import FoldedNetwork, FoldedPair
from router.held_out import measure_held_out
from router.horizon import unbounded_horizon
from router.linear import constant_linear
from router.outcome_rows import OutcomeRows, arrange_outcomes
from router.platt import PlattScaling, sigmoid
from router.predictor import PredictorConfig
from router.threads import one_thread
from router.token_scaling import TokenScaling

CLUSTERS_ALONE = Shares(network=0.0, linear=0.0)
HALF_AND_HALF = Shares(network=0.5, linear=0.0)
NO_TOKENS = -50.0  # softplus of it is 0 in float32: the network's share of the tokens is nothing


def place_pair(
    embeddings: FloatArray,
    correct: NDArray[np.floating],
    output_tokens: NDArray[np.floating],
    *,
    weight: NDArray[np.floating] | None,
    past: PoolPast,
    config: PredictorConfig,
    seed: int,
) -> PlacedPair:
    """The pair of a strategy with these outcomes (n,); a constant from too few or one-sided ones.

    Raises PredictorInputError on bad rows. Give every strategy of a pool the same seed.
    """
    rows = arrange_outcomes(embeddings, correct, output_tokens, weight, folds=config.folds)
    constant = np.full(len(rows), shrunken_accuracy(rows))
    if rows.distinct_tasks < config.minimum_tasks:
        pair = _assemble(constant_clusters(rows), None, rows, shares=CLUSTERS_ALONE)
        return PlacedPair(pair, measure_held_out(rows, constant, smearing=1.0, fallback=Fallback.CONSTANT))
    with one_thread():
        placing = _Placing(rows, past, config, seed)
        if rows.minority < config.minimum_minority:
            pair = placing.assemble(line=None, accuracy=shrunken_accuracy(rows))
            figures = measure_held_out(rows, constant, smearing=1.0, fallback=Fallback.CONSTANT_ACCURACY)
            return PlacedPair(pair, figures)
        imputed = None if past.outcomes is None else train_imputed(rows, past.outcomes, config=config, seed=seed)
        if imputed is not None:
            return imputed
        figures = measure_held_out(rows, placing.hold_out(), smearing=1.0, fallback=Fallback.COLD_START)
        return PlacedPair(placing.assemble(line=placing.draw_line(), accuracy=None), figures)


class _Placing:
    """The clusters of past tasks, and the outcomes that fall in them."""

    def __init__(self, rows: OutcomeRows, past: PoolPast, config: PredictorConfig, seed: int) -> None:
        self.rows, self.past, self.config, self.seed = rows, past, config, seed
        self.probes = Probes(rows.embeddings, rows.correct, rows.weight)
        self.centroids = partition_past(past.tasks, probes=len(rows), seed=seed)

    def draw_line(self) -> Line | None:
        return None if self.past.outcomes is None else self._learn_line(self.past.outcomes, self.probes)

    def assemble(self, *, line: Line | None, accuracy: float | None) -> FoldedPair:
        """The served pair; an accuracy stands in for the means of every cluster."""
        shares = CLUSTERS_ALONE if line is None else HALF_AND_HALF
        means = average_near(self.centroids, self.probes, self.rows.correct)
        tokens = average_near(self.centroids, self.probes, self.rows.output_tokens)
        clusters = ClusterMeans(
            centroids=self.centroids,
            accuracy=(means if accuracy is None else np.full_like(means, accuracy)).astype(np.float32),
            output_tokens=(tokens / shares.clusters).astype(np.float32),  # the network adds none
        )
        return _assemble(clusters, line, self.rows, shares=shares)

    def hold_out(self) -> DoubleArray:
        """Every probe's accuracy (n,) by a placement that knows neither it nor its fold, of any strategy."""
        held_out = np.empty(len(self.rows))
        for fold in range(self.config.folds):
            test = self.rows.fold == fold
            held_out[test] = self._predict_without(test)
        return held_out

    def _predict_without(self, test: NDArray[np.bool_]) -> DoubleArray:
        given, tasks = self.probes.take(~test), self.probes.embeddings[test]
        means = average_near(self.centroids, given, given.correct)
        near = np.asarray(look_up_means(means, assign_clusters(tasks, self.centroids)), dtype=np.float64)
        if self.past.outcomes is None:
            return near
        line = self._learn_line(self.past.outcomes.leave_out(tasks), given)
        odds = np.asarray(tasks @ line.weight + line.bias)
        return blend(HALF_AND_HALF, sigmoid(odds), near, near)

    def _learn_line(self, known: KnownOutcomes, given: Probes) -> Line:
        return learn_item_response(known.embeddings, known.correct, seed=self.seed).draw_line(given)


def _assemble(clusters: ClusterMeans, line: Line | None, rows: OutcomeRows, *, shares: Shares) -> FoldedPair:
    dimension, most = rows.embeddings.shape[1], float(np.log1p(rows.output_tokens.max()))
    return FoldedPair(
        accuracy=_say_constant(0.0, dimension) if line is None else _express(line),
        tokens=_say_constant(NO_TOKENS, dimension),
        smearing=1.0,
        linear=constant_linear(dimension, accuracy=0.0, log_tokens=most),  # of no share; tokens stay under its limit
        clusters=clusters,
        shares=shares,
        platt=PlattScaling(),
        horizon=unbounded_horizon(dimension),
        token_scaling=TokenScaling(),
    )


def _express(line: Line) -> FoldedNetwork:
    """The line as a network of two units."""
    return FoldedNetwork(
        hidden_weight=np.stack((line.weight, -line.weight)).astype(np.float32),
        hidden_bias=np.array([line.bias, -line.bias], dtype=np.float32),
        output_weight=np.array([1.0, -1.0], dtype=np.float32),
        output_bias=0.0,
    )


def _say_constant(output: float, dimension: int) -> FoldedNetwork:
    return FoldedNetwork(
        hidden_weight=np.zeros((0, dimension), dtype=np.float32),
        hidden_bias=np.zeros(0, dtype=np.float32),
        output_weight=np.zeros(0, dtype=np.float32),
        output_bias=output,
    )
