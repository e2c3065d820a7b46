"""Training one strategy's pair from that strategy's outcomes only."""

import math

import numpy as np
import torch
from numpy.typing import NDArray

from router.blend import Shares, blend
from router.clusters import (
    ClusterMeans,
    assign_clusters,
    find_nearest,
    look_up_means,
    partition_tasks,
    shrunken_means,
)
from router.constant import (
    constant_clusters,
    constant_log_odds,
    inverse_softplus,
    mean_output_tokens,
    shrunken_accuracy,
)
from router.errors import PredictorInputError
from router.figures import Fallback
from router.heads import AccuracyFit, Learner, train_accuracy, train_tokens
from router.held_out import OutOfFold, measure_held_out
from router.horizon import Horizon, fade, measure_spread, unbounded_horizon
from router.linear import constant_linear
from router.linear_fit import Lines, fit_linear
from router.outcome_rows import OutcomeRows, arrange_outcomes, digest_tasks
from router.platt import PlattScaling, apply_platt, fit_platt
from router.predictor import PredictorConfig, StrategyVectors
from router.threads import one_thread
from router.token_scaling import TokenScaling, fit_token_scaling, scale_tokens
from router.trained import TrainedHead, TrainedPair

CHOSEN_SPLIT = 2  # as many clusters: those tasks are not all of the outcomes

FloatArray = NDArray[np.float32]
DoubleArray = NDArray[np.float64]


def train_pair(
    embeddings: FloatArray,
    correct: NDArray[np.floating],
    output_tokens: NDArray[np.floating],
    *,
    model_vector: FloatArray,
    decoding_vector: FloatArray,
    config: PredictorConfig,
    seed: int,
    weight: NDArray[np.floating] | None = None,
    cells: FloatArray | None = None,
) -> TrainedPair:
    """A pair from embeddings (n, d), correct (n,) in 0..1 and output tokens (n,); PredictorInputError on bad rows.

    A correctness that is NaN is unknown: the row teaches output tokens alone. Where some tasks were chosen for the
    strategy, `cells` (m, d) are some that were not: clusters are made of those, alike for all strategies.
    The same outcomes and seed give the same pair, in whatever order they come. Give every strategy of a pool the same
    seed: what they share in randomness cancels when the allocator compares them.
    """
    rows = arrange_outcomes(embeddings, correct, output_tokens, weight, folds=config.folds, may_lack_grades=True)
    dimension = rows.embeddings.shape[1]
    strategy = StrategyVectors(
        model=_describe("model", model_vector, dimension), decoding=_describe("decoding", decoding_vector, dimension)
    )
    if rows.distinct_tasks < config.minimum_tasks:
        return _constant_pair(rows)
    with torch.random.fork_rng(devices=[]), one_thread():
        return _network_pair(rows, strategy, config, _ClusterLearner(rows, cells, config, seed), seed)


def _describe(name: str, vector: FloatArray, dimension: int) -> torch.Tensor:
    if vector.shape != (dimension,) or not np.isfinite(vector).all():
        raise PredictorInputError(
            f"the {name} vector has shape {vector.shape}, the task embeddings have {dimension} finite numbers each: "
            "encode the strategy's descriptions with the encoder of the tasks"
        )
    return torch.from_numpy(np.asarray(vector, dtype=np.float32))


def _network_pair(
    rows: OutcomeRows, strategy: StrategyVectors, config: PredictorConfig, clusters: "_ClusterLearner", seed: int
) -> TrainedPair:
    center = rows.embeddings.mean(axis=0)
    spread = float(np.sqrt(np.square(rows.embeddings - center).mean())) or 1.0  # every task may be the same text
    tasks = torch.from_numpy((rows.embeddings - center) / spread)
    learner = Learner(rows=rows, tasks=tasks, strategy=strategy, config=config, seed=seed)
    tokens = train_tokens(learner)
    graded = rows.take_graded()
    one_sided = graded.minority < config.minimum_minority or graded.distinct_tasks < config.minimum_tasks
    accuracy = _constant_accuracy(graded) if one_sided else train_accuracy(learner.take_graded())
    lines = Lines(rows, folds=config.folds)
    linear = fit_linear(lines, penalty=config.linear_penalty)
    if one_sided:
        held_out, platt, horizon = accuracy.out_of_fold, PlattScaling(), unbounded_horizon(len(center))
    else:
        near = clusters.leave_out(rows.correct)[rows.is_graded]
        held_out, platt = _calibrate(graded, blend(config.shares, accuracy.out_of_fold, linear.accuracy, near))
        horizon, held_out = _look_beyond(lines.graded, held_out, clusters, config.far_penalty)
    near = clusters.leave_out(rows.output_tokens)
    predicted_tokens = blend(config.shares, tokens.out_of_fold, linear.output_tokens, near)
    fallback = Fallback.CONSTANT_ACCURACY if one_sided else Fallback.NONE
    constant = shrunken_accuracy(graded) if one_sided else None
    scaling = fit_token_scaling(predicted_tokens, rows.output_tokens, rows.weight)
    scaled = scale_tokens(predicted_tokens, *scaling, log_limit=linear.head.log_tokens_limit)
    return TrainedPair(
        center=center,
        spread=spread,
        accuracy=accuracy.head,
        tokens=tokens.head,
        smearing=tokens.smearing,
        linear=linear.head if constant is None else linear.head.with_constant_accuracy(constant),
        clusters=clusters.means(constant),
        shares=config.shares,
        platt=platt,
        horizon=horizon,
        token_scaling=scaling,
        figures=measure_held_out(rows, held_out, smearing=tokens.smearing, fallback=fallback),
        held_out=OutOfFold(graded.place, graded.fold, held_out, scaled[rows.is_graded]),
    )


def _calibrate(rows: OutcomeRows, blended: DoubleArray) -> tuple[DoubleArray, PlattScaling]:
    """Out-of-fold probabilities (n,) after their scaling, and the scaling."""
    platt = fit_platt(blended, rows.correct, rows.weight)
    return apply_platt(blended, *platt), platt


def _look_beyond(
    lines: Lines, near: DoubleArray, clusters: "_ClusterLearner", penalty: float
) -> tuple[Horizon, DoubleArray]:
    """The line for far tasks, and the out-of-fold accuracies (n,) with it where a row is far itself."""
    line = lines.fit(lines.rows.correct, penalty=penalty)
    horizon = Horizon(
        weight=np.ascontiguousarray(line.coefficients[:-1], dtype=np.float32),
        bias=float(line.coefficients[-1]),
        spread=clusters.spread,
    )
    distance = find_nearest(lines.rows.embeddings, clusters.centroids).distance
    return horizon, fade(near, line.held_out, distance, clusters.spread)


class _ClusterLearner:
    """The partitions of the training tasks, and the outcomes that fall in them; a value that is NaN is unknown."""

    def __init__(self, rows: OutcomeRows, cells: FloatArray | None, config: PredictorConfig, seed: int) -> None:
        self.rows, self.config = rows, config
        tasks = rows.embeddings if cells is None else cells[np.argsort(digest_tasks(cells), kind="stable")]
        self.spread = measure_spread(tasks)
        clusters = math.sqrt(len(tasks)) * (1 if cells is None else CHOSEN_SPLIT)
        self.clusters = round(min(max(clusters, 4), 48))
        self.centroids, self.labels = partition_tasks(
            tasks, clusters=self.clusters, restarts=config.cluster_restarts, seed=seed
        )
        if cells is not None:
            self.labels = assign_clusters(rows.embeddings, self.centroids)

    def means(self, constant: float | None) -> ClusterMeans:
        """Those of both outcomes; a constant accuracy stands in for the means of it."""
        everything = np.ones(len(self.rows), dtype=bool)
        accuracy = self._means(self.rows.correct, everything)
        return ClusterMeans(
            centroids=self.centroids,
            accuracy=(accuracy if constant is None else np.full_like(accuracy, constant)).astype(np.float32),
            output_tokens=self._means(self.rows.output_tokens, everything).astype(np.float32),
        )

    def leave_out(self, values: DoubleArray) -> DoubleArray:
        """Every row's cluster mean (n,) of these values (n,), without the row's own fold."""
        near = np.empty(len(self.rows))
        for fold in range(self.config.folds):
            held_out = self.rows.fold == fold
            near[held_out] = look_up_means(self._means(values, ~held_out), self.labels[held_out])
        return near

    def _means(self, values: DoubleArray, seen: NDArray[np.bool_]) -> DoubleArray:
        seen = seen & ~np.isnan(values)
        return shrunken_means(
            self.labels[seen],
            values[seen],
            self.rows.weight[seen],
            clusters=self.clusters,
            prior=self.config.cluster_prior_outcomes,
        )


def _constant_accuracy(rows: OutcomeRows) -> AccuracyFit:
    head = TrainedHead(network=None, constant=constant_log_odds(rows))
    return AccuracyFit(head, np.full(len(rows), shrunken_accuracy(rows)))


def _constant_pair(rows: OutcomeRows) -> TrainedPair:
    graded = rows.take_graded()
    accuracy = _constant_accuracy(graded)
    log_tokens = math.log1p(mean_output_tokens(rows))
    return TrainedPair(
        center=np.zeros(rows.embeddings.shape[1], dtype=np.float32),
        spread=1.0,
        accuracy=accuracy.head,
        tokens=TrainedHead(network=None, constant=inverse_softplus(log_tokens)),
        smearing=1.0,
        linear=constant_linear(rows.embeddings.shape[1], accuracy=shrunken_accuracy(graded), log_tokens=log_tokens),
        clusters=constant_clusters(rows),
        shares=Shares(network=1.0, linear=0.0),
        platt=PlattScaling(),
        horizon=unbounded_horizon(rows.embeddings.shape[1]),
        token_scaling=TokenScaling(),
        figures=measure_held_out(rows, accuracy.out_of_fold, smearing=1.0, fallback=Fallback.CONSTANT),
        held_out=OutOfFold(
            graded.place, graded.fold, accuracy.out_of_fold, np.full(len(graded), mean_output_tokens(rows))
        ),
    )
