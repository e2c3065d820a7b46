"""Training one strategy's pair: it learns, it is repeatable, it falls back, it refuses bad rows."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from router.errors import PredictorInputError
from router.figures import Fallback
from router.fold import FoldedPair, fold_pair
from router.predictor import PredictorConfig
from router.scoring import expected_calibration_error, log_loss
from router.stack import PredictorStack
from router.trained import TrainedPair
from router.training import train_pair

DIMENSION = 24
QUICK = PredictorConfig(max_steps=60)

FloatArray = NDArray[np.float32]


class Sample(NamedTuple):
    """Outcomes of one made-up strategy that is right on some kinds of task and long-winded on others."""

    embeddings: FloatArray
    correct: FloatArray
    output_tokens: FloatArray
    accuracy: FloatArray  # the true probability of each row


def draw_sample(rows: int, *, seed: int = 0) -> Sample:
    generator = np.random.default_rng(seed)
    directions = np.random.default_rng(99).normal(size=(4, DIMENSION))
    kind = generator.integers(4, size=rows)
    embeddings = directions[kind] + 0.5 * generator.normal(size=(rows, DIMENSION))
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    accuracy = np.array([0.9, 0.7, 0.3, 0.1])[kind]
    tokens = np.array([4, 12, 40, 120])[kind] * generator.lognormal(sigma=0.3, size=rows)
    columns = (embeddings, generator.random(rows) < accuracy, np.ceil(tokens), accuracy)
    return Sample(*(column.astype(np.float32) for column in columns))


def train(sample: Sample, *, seed: int = 1, config: PredictorConfig = QUICK) -> TrainedPair:
    vectors = np.random.default_rng(7).normal(size=(2, DIMENSION)).astype(np.float32)
    return train_pair(
        sample.embeddings,
        sample.correct,
        sample.output_tokens,
        model_vector=vectors[0],
        decoding_vector=vectors[1],
        config=config,
        seed=seed,
    )


def arrays_of(pair: FoldedPair) -> list[FloatArray]:
    networks = (pair.accuracy, pair.tokens)
    return [a for n in networks for a in (n.hidden_weight, n.hidden_bias, n.output_weight)] + [pair.clusters.accuracy]


def test_it_learns_where_the_strategy_is_right_and_how_long_it_writes() -> None:
    trained, unseen = train(draw_sample(400)), draw_sample(2000, seed=5)
    accuracy, tokens = (column[:, 0] for column in PredictorStack([fold_pair(trained)]).predict(unseen.embeddings))
    assert trained.figures.fallback is Fallback.NONE
    assert trained.figures.held_out_log_loss < 0.85 * trained.figures.constant_log_loss
    assert log_loss(accuracy, unseen.correct) == pytest.approx(trained.figures.held_out_log_loss, abs=0.06)
    assert log_loss(accuracy, unseen.correct) < log_loss(unseen.accuracy, unseen.correct) + 0.05
    assert expected_calibration_error(accuracy, unseen.correct) < 0.08
    assert tokens.sum() == pytest.approx(unseen.output_tokens.sum(), rel=0.1)
    assert np.corrcoef(np.log1p(tokens), np.log1p(unseen.output_tokens))[0, 1] > 0.8


def test_same_seed_same_pair_in_whatever_order_the_outcomes_come() -> None:
    sample = draw_sample(120)
    shuffled = Sample(*(column[np.random.default_rng(3).permutation(120)] for column in sample))
    first, second = fold_pair(train(sample)), fold_pair(train(shuffled))
    assert all(np.array_equal(a, b) for a, b in zip(arrays_of(first), arrays_of(second), strict=True))
    other = fold_pair(train(sample, seed=2))
    assert not np.array_equal(first.accuracy.hidden_weight, other.accuracy.hidden_weight)


def test_training_leaves_the_random_state_of_torch_alone() -> None:
    before = torch.random.get_rng_state()
    train(draw_sample(60))
    assert torch.equal(before, torch.random.get_rng_state())


def test_too_few_outcomes_give_their_means() -> None:
    sample = draw_sample(10)
    trained = train(sample)
    accuracy, tokens = PredictorStack([fold_pair(trained)]).predict(draw_sample(5, seed=2).embeddings)
    assert trained.figures.fallback is Fallback.CONSTANT
    assert np.allclose(accuracy, (sample.correct.sum() + 1) / 12, atol=1e-5)
    assert np.allclose(tokens, sample.output_tokens.mean(), rtol=1e-4)
    assert trained.figures.held_out_log_loss == pytest.approx(trained.figures.constant_log_loss, abs=1e-6)


@pytest.mark.parametrize("rightness", [0.0, 1.0])
def test_one_sided_outcomes_give_a_constant_accuracy_and_still_learn_tokens(rightness: float) -> None:
    sample = draw_sample(200)
    one_sided = sample._replace(correct=np.full(200, rightness, dtype=np.float32))
    trained = train(one_sided)
    accuracy, tokens = PredictorStack([fold_pair(trained)]).predict(sample.embeddings)
    assert trained.figures.fallback is Fallback.CONSTANT_ACCURACY
    assert np.allclose(accuracy, (200 * rightness + 1) / 202, atol=1e-5)
    assert tokens.std() > 10


def hide_grades(sample: Sample, *, every: int) -> Sample:
    """Nobody has said of one in `every` whether it is right."""
    unknown = np.arange(len(sample.correct)) % every == 0
    return sample._replace(correct=np.where(unknown, np.float32(np.nan), sample.correct))


def test_outcomes_without_a_grade_teach_output_tokens_alone() -> None:
    sample, unseen = hide_grades(draw_sample(600), every=3), draw_sample(1000, seed=5)
    graded = Sample(*(column[~np.isnan(sample.correct)] for column in sample))
    trained, without = train(sample), train(graded)
    assert (trained.figures.outcomes, trained.figures.graded) == (600, 400)
    assert trained.figures.mean_correct == pytest.approx(without.figures.mean_correct)
    assert trained.figures.mean_output_tokens == pytest.approx(float(sample.output_tokens.mean()), rel=1e-5)
    accuracy, tokens = (column[:, 0] for column in PredictorStack([fold_pair(trained)]).predict(unseen.embeddings))
    assert log_loss(accuracy, unseen.correct) < log_loss(unseen.accuracy, unseen.correct) + 0.05
    assert np.corrcoef(np.log1p(tokens), np.log1p(unseen.output_tokens))[0, 1] > 0.8


def test_few_grades_among_many_outcomes_give_their_mean_and_learn_tokens() -> None:
    sample = draw_sample(200)
    graded = np.arange(200) < 12
    trained = train(sample._replace(correct=np.where(graded, sample.correct, np.float32(np.nan))))
    accuracy, tokens = PredictorStack([fold_pair(trained)]).predict(sample.embeddings)
    assert trained.figures.fallback is Fallback.CONSTANT_ACCURACY
    assert np.allclose(accuracy, (sample.correct[graded].sum() + 1) / 14, atol=1e-5)
    assert tokens.std() > 10


def test_no_grade_at_all_is_refused() -> None:
    with pytest.raises(PredictorInputError, match="none of 60 outcomes has a grade"):
        train(hide_grades(draw_sample(60), every=1))


def test_unequal_weights_are_worth_fewer_outcomes() -> None:
    sample = draw_sample(40)
    weight = np.where(np.arange(40) < 4, 9.0, 1.0)  # as after exploration: a few stand for many
    vectors = np.zeros(DIMENSION, dtype=np.float32)
    figures = train_pair(
        sample.embeddings,
        sample.correct,
        sample.output_tokens,
        model_vector=vectors,
        decoding_vector=vectors,
        config=QUICK,
        seed=1,
        weight=weight,
    ).figures
    assert figures.effective == pytest.approx(weight.sum() ** 2 / (weight**2).sum())
    assert train(sample).figures.effective == pytest.approx(40)


def test_strategies_with_tasks_chosen_for_them_share_the_clusters_of_common_tasks() -> None:
    common = draw_sample(120)
    vector = np.zeros(DIMENSION, dtype=np.float32)
    pairs = []
    for seed in (11, 12):  # each was given other tasks besides
        own = Sample(*(np.concatenate(both) for both in zip(common, draw_sample(80, seed=seed), strict=True)))
        shuffled = common.embeddings[np.random.default_rng(seed).permutation(120)]
        pair = train_pair(
            own.embeddings,
            own.correct,
            own.output_tokens,
            model_vector=vector,
            decoding_vector=vector,
            config=QUICK,
            seed=1,
            cells=shuffled,
        )
        pairs.append(fold_pair(pair))
    first, second = (pair.clusters for pair in pairs)
    assert np.array_equal(first.centroids, second.centroids)
    assert first.centroids.shape[1] == round(2 * np.sqrt(120))
    assert not np.array_equal(first.accuracy, second.accuracy)


def test_many_outcomes_of_few_tasks_are_few() -> None:
    sample = draw_sample(60)
    same = sample._replace(embeddings=np.repeat(sample.embeddings[:6], 10, axis=0))
    assert train(same).figures.fallback is Fallback.CONSTANT


def test_equal_token_counts_are_predicted_as_they_are() -> None:
    sample = draw_sample(60)._replace(output_tokens=np.full(60, 3, dtype=np.float32))
    tokens = PredictorStack([fold_pair(train(sample))]).predict(sample.embeddings).output_tokens
    assert np.allclose(tokens, 3, atol=0.1)


def test_weight_counts_as_repetition() -> None:
    sample = draw_sample(10)
    weight = np.where(sample.correct > 0.5, 3.0, 1.0)
    vectors = np.zeros(DIMENSION, dtype=np.float32)
    trained = train_pair(
        sample.embeddings,
        sample.correct,
        sample.output_tokens,
        model_vector=vectors,
        decoding_vector=vectors,
        config=QUICK,
        seed=1,
        weight=weight,
    )
    assert trained.figures.mean_correct == pytest.approx(np.average(sample.correct, weights=weight))


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("embeddings", np.nan, "outcome 3 of 50 has an embedding that is not finite"),
        ("correct", 1.5, r"outcome 3 of 50 has a correctness outside 0\.\.1"),
        ("output_tokens", -1.0, "outcome 3 of 50 has no valid count of output tokens"),
    ],
)
def test_bad_rows_are_refused_by_number(column: str, value: float, message: str) -> None:
    sample = draw_sample(50)
    getattr(sample, column)[3] = value
    with pytest.raises(PredictorInputError, match=message):
        train(sample)


def test_missing_rows_and_other_lengths_are_refused() -> None:
    sample = draw_sample(50)
    with pytest.raises(PredictorInputError, match="at least one outcome"):
        train(Sample(*(column[:0] for column in sample)))
    with pytest.raises(PredictorInputError, match=r"correct has shape \(49,\) but there are 50"):
        train(sample._replace(correct=sample.correct[1:]))


def test_descriptions_of_another_encoder_are_refused() -> None:
    sample = draw_sample(50)
    with pytest.raises(PredictorInputError, match=r"the model vector has shape \(3,\).*have 24"):
        train_pair(
            sample.embeddings,
            sample.correct,
            sample.output_tokens,
            model_vector=np.zeros(3, dtype=np.float32),
            decoding_vector=np.zeros(DIMENSION, dtype=np.float32),
            config=QUICK,
            seed=1,
        )


def test_more_rows_than_a_batch_are_learnt_too() -> None:
    trained = train(draw_sample(300), config=replace(QUICK, batch_rows=64))
    assert trained.figures.held_out_log_loss < 0.85 * trained.figures.constant_log_loss
