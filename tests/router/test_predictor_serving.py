"""Folding and stacking change no prediction."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional

from router.blend import Shares, blend
from router.clusters import assign_clusters, look_up_means
from router.errors import PredictorInputError
from router.fold import FoldedPair, fold_pair
from router.horizon import fade
from router.linear import ACCURACY
from router.platt import apply_platt
from router.predictor import DualLinear, MemberLinear, PredictorConfig
from router.stack import PredictorStack
from router.token_scaling import TokenScaling
from router.trained import TrainedHead, TrainedPair
from router.training import train_pair
from tests.router.trained_pairs import CONFIG, DIMENSION, FloatArray, draw_embeddings, trained_pair

MEMBERS = CONFIG.folds + CONFIG.members


def evaluate_linear(layer: MemberLinear, rows: torch.Tensor) -> torch.Tensor:
    """Every member's outputs (n, members, outputs) for rows (n, inputs)."""
    return torch.einsum("ni,moi->nmo", rows, layer.weight) + layer.bias


def evaluate_dual(layer: DualLinear, rows: torch.Tensor) -> torch.Tensor:
    """Universal and task-specific block one by one, the projection of every row computed."""
    projected = evaluate_linear(layer.projection, rows)  # (n, members, projection)
    specific = torch.einsum("nmi,moi->nmo", projected, layer.specific.weight) + layer.specific.bias
    return evaluate_linear(layer.universal, rows) + specific


@torch.no_grad()
def evaluate_unfolded(head: TrainedHead, trained: TrainedPair, embeddings: FloatArray) -> FloatArray:
    """What the trained network itself says, every representation computed."""
    assert head.network is not None
    network, tasks = head.network, torch.from_numpy((embeddings - trained.center) / trained.spread)
    hidden = evaluate_dual(network.task, tasks)  # (n, members, hidden)
    for constant in (network.model, network.decoding):
        hidden += evaluate_dual(constant.layer, torch.tensor([[constant.size]]))
    everyone = torch.stack([evaluate_linear(network.output, torch.relu(hidden)[:, i])[:, i] for i in range(MEMBERS)], 1)
    outputs = everyone[:, head.first_served :].mean(dim=1)  # (n, outputs)
    value = outputs[:, 1] - outputs[:, 0] if outputs.shape[1] == 2 else outputs[:, 0]
    return np.asarray(value.numpy())


def test_a_folded_pair_equals_the_trained_one() -> None:
    trained, embeddings = trained_pair(150, 1), draw_embeddings(500, seed=8)
    labels = assign_clusters(embeddings, trained.clusters.centroids)
    log_odds = evaluate_unfolded(trained.accuracy, trained, embeddings)
    network = torch.sigmoid(torch.from_numpy(log_odds)).numpy()
    near = look_up_means(trained.clusters.accuracy, labels)
    line = np.clip(embeddings @ trained.linear.weight[ACCURACY] + trained.linear.bias[ACCURACY], 0, 1)
    assert 0 < line.mean() < 1
    familiar = apply_platt(blend(trained.shares, network, line, near).astype(np.float32), *trained.platt)
    centroids = trained.clusters.centroids[np.arange(labels.shape[1]), labels]  # (tasks, partitions, d)
    distance = np.square(embeddings[:, np.newaxis] - centroids).sum(axis=2).mean(axis=1)
    far_line = embeddings @ trained.horizon.weight + np.float32(trained.horizon.bias)
    expected = fade(familiar, far_line, distance, trained.horizon.spread)
    assert 0 < (expected != familiar).mean() < 1
    served = PredictorStack([fold_pair(trained)]).predict(embeddings)
    assert np.abs(served.accuracy[:, 0] - expected).max() < 1e-5

    output = evaluate_unfolded(trained.tokens, trained, embeddings)
    log_tokens = functional.softplus(torch.from_numpy(output)).numpy()
    unscaled = replace(fold_pair(trained), shares=Shares(1.0, 0.0), token_scaling=TokenScaling())
    unlimited = replace(unscaled, linear=replace(trained.linear, log_tokens_limit=99.0))
    alone = PredictorStack([unlimited]).predict(embeddings)
    assert np.abs(np.log((alone.output_tokens[:, 0] + 1) / trained.smearing) - log_tokens).max() < 1e-5


def test_a_stack_equals_its_pairs_one_by_one() -> None:
    pairs = [fold_pair(trained_pair(150, 1)), fold_pair(trained_pair(12, 2)), fold_pair(trained_pair(90, 3))]
    embeddings = draw_embeddings(2500, seed=4)  # three blocks
    together = PredictorStack(pairs).predict(embeddings)
    assert together.accuracy.shape == together.output_tokens.shape == (2500, 3)
    assert ((together.accuracy > 0) & (together.accuracy < 1) & (together.output_tokens >= 0)).all()
    for column, pair in enumerate(pairs):
        alone = PredictorStack([pair]).predict(embeddings)
        assert np.allclose(together.accuracy[:, column], alone.accuracy[:, 0], atol=1e-5)
        assert np.allclose(together.output_tokens[:, column], alone.output_tokens[:, 0], rtol=1e-4)


def test_strategies_with_the_same_tasks_share_their_partitions() -> None:
    embeddings = draw_embeddings(80, seed=5)
    first, second = (_pair_on(embeddings, threshold) for threshold in (-0.1, 0.1))
    assert np.array_equal(first.clusters.centroids, second.clusters.centroids)
    served = PredictorStack([first, second]).predict(embeddings).accuracy
    assert np.allclose(served[:, 1], PredictorStack([second]).predict(embeddings).accuracy[:, 0], atol=1e-5)


def _pair_on(embeddings: FloatArray, threshold: float) -> FoldedPair:
    vector = np.zeros(DIMENSION, dtype=np.float32)
    correct = (embeddings[:, 0] > threshold).astype(np.float32)
    tokens = np.full(len(embeddings), 9.0)
    return fold_pair(
        train_pair(embeddings, correct, tokens, model_vector=vector, decoding_vector=vector, config=CONFIG, seed=1)
    )


def test_bad_embeddings_are_refused() -> None:
    stack = PredictorStack([fold_pair(trained_pair(12, 2))])
    with pytest.raises(PredictorInputError, match=r"shape \(4, 7\), these predictors read \(tasks, 32\)"):
        stack.predict(np.zeros((4, 7), dtype=np.float32))
    embeddings = draw_embeddings(4, seed=1)
    embeddings[2, 5] = np.inf
    with pytest.raises(PredictorInputError, match="task 2 of 4 is not finite"):
        stack.predict(embeddings)
    assert stack.predict(embeddings[:0]).accuracy.shape == (0, 1)


def test_pairs_of_different_encoders_do_not_stack() -> None:
    pair = fold_pair(trained_pair(12, 2))
    narrow = replace(pair, clusters=replace(pair.clusters, centroids=np.zeros((1, 1, 7), dtype=np.float32)))
    with pytest.raises(PredictorInputError, match=r"lengths \[7, 32\]"):
        PredictorStack([pair, narrow])


@pytest.mark.slow
def test_ten_strategies_train_and_serve_at_full_size() -> None:
    embeddings = np.random.default_rng(0).normal(size=(500, 384)).astype(np.float32)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    pairs = [_full_size_pair(embeddings, strategy) for strategy in range(10)]
    tasks = np.tile(embeddings, (20, 1))
    served = PredictorStack(pairs).predict(tasks)
    assert served.accuracy.shape == served.output_tokens.shape == (len(tasks), 10)
    assert ((served.accuracy > 0) & (served.accuracy < 1)).all()
    assert (np.isfinite(served.output_tokens) & (served.output_tokens >= 0)).all()
    right = (embeddings[:, :10] > 0).astype(np.float32)
    likeness = np.corrcoef(served.accuracy[:500].T, right.T)[:10, 10:]  # (predicted, outcomes of)
    assert np.array_equal(likeness.argmax(axis=1), np.arange(10)), "a strategy has learnt another's outcomes"

    again = PredictorStack([_full_size_pair(embeddings, 3)]).predict(tasks)
    alone = PredictorStack([pairs[3]]).predict(tasks)
    assert np.array_equal(alone.accuracy, again.accuracy)
    assert np.array_equal(alone.output_tokens, again.output_tokens)


def _full_size_pair(embeddings: FloatArray, strategy: int) -> FoldedPair:
    return fold_pair(
        train_pair(
            embeddings,
            (embeddings[:, strategy] > 0).astype(np.float32),
            np.ceil(np.exp(3 + 20 * embeddings[:, strategy])),
            model_vector=embeddings[0],
            decoding_vector=embeddings[0],
            config=PredictorConfig(),
            seed=1,
        )
    )
